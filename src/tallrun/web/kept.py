"""The sessions opened last, analysed once for replay, comparison and notes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pandas import DataFrame

from tallrun.journal.desk import load_protocol
from tallrun.numerics.recording import Recording
from tallrun.pipeline.batch import samples_end_s
from tallrun.recovery import Protocol
from tallrun.report.compare import Side, side_of
from tallrun.report.replay_data import Replayed, page_data, replay, wave_bytes
from tallrun.report.replay_signals import SignalStrip
from tallrun.sessions import read_session

#: Sessions kept in memory; one hour of three sensors is about 45 MB, most of it raw signals.
MOST_KEPT = 4


@dataclass(frozen=True, eq=False)
class KeptSession:
    """A replayed session; what a page needs of it is made when first asked for."""

    done: Replayed
    name: str

    @property
    def strides(self) -> DataFrame:
        """Table as detected, what corrections are laid over."""
        return self.done.tables.strides

    @property
    def end_s(self) -> float:
        """Time of the last sample."""
        return samples_end_s(self.done.recording)

    @cached_property
    def side(self) -> Side:
        """The whole session as one side of a comparison."""
        return side_of(self.done.analysis, self.name)

    @cached_property
    def signals(self) -> SignalStrip:
        """Raw signals of every sensor."""
        return SignalStrip(self.done.recording)

    @cached_property
    def waves(self) -> tuple[bytes, dict[str, int]]:
        """Stride shapes ready to send, and the rows of each foot."""
        return wave_bytes(self.done.analysis.waves)

    @cached_property
    def _page(self) -> dict[str, object]:
        more = {"wave_rows": self.waves[1], "signals": self.signals.scales()}
        return page_data(self.done, self.name) | more

    def page(self, session_id: str) -> bytes:
        """Return everything the replay page needs but the shapes, as JSON."""
        return json.dumps(self._page | {"session_id": session_id}, allow_nan=False).encode()


class KeptSessions:
    """Analyses sessions on demand and keeps the last few, until they or the rules in force change.

    folder_of : session id -> folder; raises a TallrunError for an id it does not know. protocol : gives the rules in
    force. load : reads a session.
    """

    def __init__(
        self,
        folder_of: Callable[[str], Path],
        protocol: Callable[[], Protocol] = load_protocol,
        load: Callable[[Path], Recording] = read_session,
    ) -> None:
        self._folder_of = folder_of
        self._protocol = protocol
        self._lock = threading.Lock()

        @lru_cache(maxsize=MOST_KEPT)
        def opened(folder: Path, changed_ns: int, rules: object) -> KeptSession:
            return KeptSession(replay(load(folder), protocol(), record_waves=True), folder.resolve().name)

        self._opened = opened

    def get(self, session_id: str) -> KeptSession:
        """Return a session, analysed."""
        folder = self._folder_of(session_id)
        changed_ns = (folder / "session.json").stat().st_mtime_ns
        rules = self._protocol()
        with self._lock:  # two requests of one page analyse once
            numbers = (rules.sha256, tuple(sorted(rules.stricter.items())), rules.pain.green_limit)
            return self._opened(folder, changed_ns, numbers)
