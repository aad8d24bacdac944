"""Loaded by every worker process of our own cluster before it works.

Ctrl-C in a terminal reaches the whole process group. The workers leave it to the process that started them, which
ends them in order; a worker that answered by itself would only print a traceback.
"""

from __future__ import annotations

import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)
