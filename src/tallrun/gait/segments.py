"""What the runner was doing when: run, walk, stand or other, as gap-free half-open segments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tallrun.errors import SignalError
from tallrun.gait.entry import Entry
from tallrun.gait.gait_odds import shows_gait
from tallrun.gait.kernels import kernel, plain
from tallrun.gait.rows import MODE_OTHER, MODE_RUN, MODE_STAND, MODE_WALK, MODES
from tallrun.gait.strides import Stride
from tallrun.gait.table import GaitTable, text_array
from tallrun.numerics.recording import FloatArray

BIN_S = 0.5
#: Quiet standing: spread of specific force and size of angular rate inside one bin.
QUIET_ACC_SD_MPS2 = 1.2
QUIET_GYR_RADPS = 0.8
#: A gap between contacts up to this long still belongs to the same bout.
BOUT_GAP_S = 2.0
#: A change of gait and back within this time is no change.
BLIP_S = 1.5
#: Strides looked back over for where a change of gait began: no foot needs more to be sure.
HINDSIGHT_STRIDES = 4
#: Getting going and coming to rest belong to the bout next to them up to this long: a stride and a half of walking.
MERGE_OTHER_S = 2.5


@kernel
def _accumulate(t_s, acc_mps2, gyr_radps, bin_s, sums):
    """Add samples to ``sums`` (bins, 4): count, sum and sum of squares of |f|, sum of squares of |w|."""
    n_axes = acc_mps2.shape[1]
    for i in range(t_s.shape[0]):
        if not np.isfinite(t_s[i]) or t_s[i] < 0.0:
            continue
        squares = 0.0
        for axis in range(n_axes):
            value = acc_mps2[i, axis]
            if np.isfinite(value):
                squares += value * value
        turn = 0.0
        for axis in range(gyr_radps.shape[1]):
            turn += gyr_radps[i, axis] * gyr_radps[i, axis]
        if squares == 0.0 or not np.isfinite(turn):
            continue
        row = sums[int(t_s[i] / bin_s)]
        row[0] += 1.0
        row[1] += np.sqrt(squares)
        row[2] += squares
        row[3] += turn


_ACCUMULATE = Entry(_accumulate)


class ActivityBins:
    """Running sums per half second of one sensor's signal; tells rest from motion without any stride.

    Sums run sample by sample, so they do not depend on where a block was cut.
    """

    def __init__(self) -> None:
        self._sums = np.zeros((256, 4))

    def feed(self, t_s: FloatArray, acc_mps2: FloatArray, gyr_radps: FloatArray | None) -> None:
        """Add samples. NaN samples and absent axes are left out; empty input changes nothing.

        Raises SignalError when the arrays differ in length.
        """
        for values in (acc_mps2, gyr_radps):
            if values is not None and len(values) != len(t_s):
                raise SignalError(f"{len(t_s)} times came with {len(values)} samples; expected one for each")
        last_s = t_s.max(initial=-np.inf)
        if not np.isfinite(last_s):
            last_s = t_s[np.isfinite(t_s)].max(initial=-np.inf)
        if last_s < 0.0:
            return
        needed = int(last_s / BIN_S) + 1
        if needed > self._sums.shape[0]:
            grown = np.zeros((2 * needed, 4))
            grown[: self._sums.shape[0]] = self._sums
            self._sums = grown
        gyr = np.zeros((t_s.size, 0)) if gyr_radps is None else gyr_radps
        _ACCUMULATE(plain(t_s), plain(acc_mps2), plain(gyr), BIN_S, self._sums)

    def quiet(self, n_bins: int) -> np.ndarray:
        """Per bin: 1 quiet, 0 moving, -1 no samples; int8 (n_bins,)."""
        out = np.full(n_bins, -1, dtype=np.int8)
        used = min(n_bins, self._sums.shape[0])
        count, total, squares, turns = self._sums[:used].T
        known = count >= 3
        safe = np.where(known, count, 1.0)
        spread = np.sqrt(np.maximum(0.0, squares / safe - (total / safe) ** 2))
        still = (spread < QUIET_ACC_SD_MPS2) & (np.sqrt(turns / safe) < QUIET_GYR_RADPS)
        out[:used] = np.where(known, still.astype(np.int8), -1)
        return out


@dataclass(frozen=True)
class Segment:
    """Half-open span [start_s, end_s) of one mode."""

    start_s: float
    end_s: float
    mode: int


def build_segments(strides: Sequence[Stride], bins: Sequence[ActivityBins], end_s: float) -> list[Segment]:
    """Cut [0, end_s) into segments of one mode each.

    Bouts come from the strides; what lies between them is ``stand`` where every sensor is quiet and ``other``
    otherwise. Empty input (``end_s`` not above zero) gives no segment.
    """
    if not end_s > 0.0:
        return []
    n_bins = math.ceil(end_s / BIN_S)
    states = (
        np.vstack([item.quiet(n_bins) for item in bins]) if bins else np.full((1, n_bins), -1, dtype=np.int8)
    )
    quiet = (states != 0).all(axis=0) & (states == 1).any(axis=0)
    spans = _bouts(strides, end_s)
    out: list[Segment] = []
    at = 0.0
    for span in spans:
        out += _rest(at, span.start_s, quiet)
        out.append(span)
        at = span.end_s
    out += _rest(at, end_s, quiet)
    return _tidy(out)


def segment_table(segments: Sequence[Segment]) -> GaitTable:
    """Return the ``segments`` table: start_s, end_s float64, mode text."""
    return GaitTable(
        {
            "start_s": np.array([item.start_s for item in segments], dtype=np.float64),
            "end_s": np.array([item.end_s for item in segments], dtype=np.float64),
            "mode": text_array([MODES[item.mode] for item in segments]),
        }
    )


def _bouts(strides: Sequence[Stride], end_s: float) -> list[Segment]:
    ordered = sorted(
        (item for item in strides if item.mode in (MODE_RUN, MODE_WALK)),
        key=lambda item: item.initial_contact_s,
    )
    spans: list[tuple[float, float, int]] = []  # plain, for most of them grow stride by stride
    for item, mode in zip(ordered, _modes_in_hindsight(ordered), strict=True):
        start = item.initial_contact_s
        reach = item.step_time_s if math.isfinite(item.step_time_s) else item.stance_time_s
        if math.isfinite(item.stride_time_s) and item.stride_time_s < BOUT_GAP_S:
            reach = item.stride_time_s
        stop = min(end_s, start + (reach if math.isfinite(reach) else 0.3))
        if spans and start - spans[-1][1] <= BOUT_GAP_S:
            begin, end, last_mode = spans[-1]
            if last_mode == mode:
                spans[-1] = (begin, max(end, stop), mode)
                continue
            spans[-1] = (begin, start, last_mode)
        if stop > start:
            spans.append((start, stop, mode))
    return _without_false_starts(
        _without_blips([Segment(begin, end, mode) for begin, end, mode in spans if end > begin])
    )


def _modes_in_hindsight(ordered: Sequence[Stride]) -> list[int]:
    """Return each stride's mode, a change of gait put back to the first stride that already showed it.

    A foot alone needs a stride or two to be sure; its times had changed by then.
    """
    modes = [item.mode for item in ordered]
    for place in range(1, len(modes)):
        mode = modes[place]
        for before in range(place - 1, max(place - 1 - HINDSIGHT_STRIDES, -1), -1):
            stride = ordered[before]
            apart_s = ordered[before + 1].initial_contact_s - stride.initial_contact_s
            if modes[before] == mode or apart_s > BOUT_GAP_S or not shows_gait(stride, mode):
                break
            modes[before] = mode
    return modes


def _without_blips(spans: list[Segment]) -> list[Segment]:
    """Let a stride or two of another gait inside a bout pass, the shortest first: nobody walks for one stride."""
    spans = list(spans)
    while True:
        inner = [
            (spans[k].end_s - spans[k].start_s, k)
            for k in range(1, len(spans) - 1)
            if spans[k - 1].mode == spans[k + 1].mode
            and spans[k - 1].end_s == spans[k].start_s
            and spans[k].end_s == spans[k + 1].start_s
        ]
        if not inner or min(inner)[0] >= BLIP_S:
            return spans
        k = min(inner)[1]
        spans[k - 1 : k + 2] = [Segment(spans[k - 1].start_s, spans[k + 1].end_s, spans[k - 1].mode)]


def _without_false_starts(spans: list[Segment]) -> list[Segment]:
    """Give a first or last stride or two in another gait to the bout they lead into: getting going is no walk."""
    out: list[Segment] = []
    for k, span in enumerate(spans):
        before = out[-1] if out and out[-1].end_s == span.start_s else None
        after = spans[k + 1] if k + 1 < len(spans) and spans[k + 1].start_s == span.end_s else None
        mode = span.mode
        for alone, beside in ((before is None, after), (after is None, before)):
            length = span.end_s - span.start_s
            if alone and beside and length <= MERGE_OTHER_S and beside.end_s - beside.start_s > 2.0 * length:
                mode = beside.mode
        if before and before.mode == mode:
            out[-1] = Segment(before.start_s, span.end_s, mode)
        else:
            out.append(Segment(span.start_s, span.end_s, mode))
    return out


def _rest(start_s: float, stop_s: float, quiet: np.ndarray) -> list[Segment]:
    if not stop_s > start_s:
        return []
    out: list[Segment] = []
    at = start_s
    while at < stop_s:
        index = min(int(at / BIN_S), quiet.size - 1)
        edge = min(stop_s, (index + 1) * BIN_S)
        if edge <= at:
            edge = stop_s
        mode = MODE_STAND if quiet[index] else MODE_OTHER
        if out and out[-1].mode == mode:
            out[-1] = Segment(out[-1].start_s, edge, mode)
        else:
            out.append(Segment(at, edge, mode))
        at = edge
    return out


def _tidy(segments: list[Segment]) -> list[Segment]:
    """Give short unnamed pieces to the bout beside them, so that a first step is not a mode of its own."""
    pieces = list(segments)
    for place, piece in enumerate(pieces):
        if piece.mode != MODE_OTHER or piece.end_s - piece.start_s > MERGE_OTHER_S:
            continue
        after = pieces[place + 1] if place + 1 < len(pieces) else None
        before = pieces[place - 1] if place else None
        for neighbour in (after, before):
            if neighbour is not None and neighbour.mode in (MODE_RUN, MODE_WALK, MODE_STAND):
                pieces[place] = Segment(piece.start_s, piece.end_s, neighbour.mode)
                break
    out: list[Segment] = []
    for piece in pieces:
        if out and out[-1].mode == piece.mode:
            out[-1] = Segment(out[-1].start_s, piece.end_s, piece.mode)
        else:
            out.append(piece)
    return out
