"""What a person does with the records, one function for each thing; the commands and the web app call the same ones.

* ``desk``       whose records, at which moment; reading instants as people type them
* ``advice``     today's verdict with its reasons, doses to scale, the ladder, planned sessions
* ``entries``    pain scores, exercises, runs without sensors, the screen: add, list, correct
* ``focus``      the one change of gait that is open, starts or waits
* ``clinician``  dated entries that tighten, hold, permit or clear
* ``profile``    who runs
* ``today``      everything the first page shows
* ``sessions``   the index of recorded sessions, their tables and reports
* ``course``     pain, gait and load on one time line
* ``rights``     export, backup and erase
"""
