"""One live run: set-up from the records, the loop, rebuilding a recording from packets, the end, notes in the records.

Commands and pages call the same functions. Nothing here knows a terminal or a page: what there is to show goes out
through callbacks and the hub.
"""
