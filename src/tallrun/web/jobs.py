"""Analyses that run beside the requests, one for a session at a time, with how far they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tallrun.errors import TallrunError

JobState = Literal["none", "running", "done", "failed"]


@dataclass
class Job:
    """One analysis. share : done, 0 to 1."""

    state: JobState = "running"
    share: float = 0.0
    started_s: float = 0.0
    message: str = ""

    def seconds_left(self, now_s: float) -> float | None:
        """Estimate of the time left [s]; None until a twentieth is done."""
        if self.state != "running" or self.share < 0.05:
            return None
        return max(0.0, (now_s - self.started_s) * (1.0 - self.share) / self.share)


class Jobs:
    """Starts analyses in threads; one at a time for a session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._turn = threading.Lock()

    def start(self, key: str, work: Callable[[Callable[[float], None]], Any]) -> None:
        """Start ``work(progress)`` unless it is running already."""
        with self._lock:
            known = self._jobs.get(key)
            if known is not None and known.state == "running":
                return
            job = self._jobs[key] = Job(started_s=time.monotonic())
        threading.Thread(target=self._run, args=(job, work), daemon=True).start()

    def of(self, key: str) -> tuple[Job, float | None]:
        """Return how a job is doing and its seconds left."""
        with self._lock:
            job = self._jobs.get(key, Job(state="none"))
        return job, job.seconds_left(time.monotonic())

    def _run(self, job: Job, work: Callable[[Callable[[float], None]], Any]) -> None:
        def progress(share: float) -> None:
            job.share = share

        try:
            # One after the other: two analyses at once would only slow each other down.
            with self._turn:
                job.started_s = time.monotonic()
                work(progress)
        except TallrunError as error:
            job.message, job.state = " ".join(str(error).split()), "failed"
        except Exception as error:
            job.message = f"tallrun made a mistake here ({type(error).__name__}); please report it."
            job.state = "failed"
            raise
        else:
            job.share, job.state = 1.0, "done"
