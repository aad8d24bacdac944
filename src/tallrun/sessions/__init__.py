"""Sessions on disk: the folder format, the flight recorder, and readers and writers of other formats.

* ``read_session``, ``write_session``, ``read_truth``: the session folder (docs/session-format.md)
* ``recorder``: packets written while a run goes on, and brought back after a crash
* ``csv_import``, ``matlab_import`` ...: one module for each foreign format (docs/importing.md)
"""

from tallrun.sessions.derived import write_tables, write_text, write_watch
from tallrun.sessions.folder import read_session, read_truth, write_session

__all__ = ["read_session", "read_truth", "write_session", "write_tables", "write_text", "write_watch"]
