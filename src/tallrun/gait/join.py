"""Joins left contacts, right contacts and pelvis steps into strides, in order, as they become known.

Rows are handed over in the order of their ``emitted_at_s``; what comes out depends on that order alone, never
on how samples were cut into blocks. A stride leaves when the other foot's next contact and the matching pelvis
step are known, or at its deadline without them.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from statistics import median

from tallrun.gait.eligible import stance_sigma_s, timing_sigma_s
from tallrun.gait.gait_odds import shows_gait
from tallrun.gait.rows import MODE_RUN, MODE_WALK, PELVIS_WITHHELD, FootContact, PelvisStep, reason_bit
from tallrun.gait.strides import NAN, Stride, withhold_implausible

#: How long a stride may wait for the other foot and the pelvis after its own foot has told it.
WAIT_S = 2.5
#: How long strides may wait for the other foot's mounting to be learned.
LEARNING_WAIT_S = 60.0
#: A pelvis step belongs to the contact nearest to it, at most this far away.
PELVIS_MATCH_S = 0.2
#: A running stride this much longer than the last ones holds a contact that was not seen.
MISSED_CONTACT_SHARE = 1.6
#: Two steps of half a metre: shorter ones are the shuffle of somebody who limps, turns or comes to rest.
SHORT_STRIDE_M = 1.0
#: Flight or double support beyond timing noise.
SURE_FLIGHT_S = 0.005

_ONE_FOOT = reason_bit("one_foot")
_GAP = reason_bit("gap")
_LOW_QUALITY = reason_bit("low_quality")
_NO_FEET = reason_bit("no_feet")
_OPEN = reason_bit("open_stride")
_IMPLAUSIBLE = reason_bit("implausible")
_SHORT = reason_bit("short_steps")
_NO_PELVIS = reason_bit("no_pelvis")
#: Reasons of a pelvis step that speak of its tilt, and so of the stride's.
_OF_TILT = 0
for _code in ("mounting_changed", "strap_doubtful", "settling", "no_standing"):
    _OF_TILT |= reason_bit(_code)


class StrideJoiner:
    """Ordered join of up to two feet and a pelvis.

    Parameters
    ----------
    feet : feet that wear a sensor, out of ("left", "right"); empty for a pelvis alone
    has_pelvis : whether pelvis steps will come
    stride_gain : factor on stride length from an earlier belt calibration (1.0 = not calibrated)
    """

    def __init__(
        self,
        feet: tuple[str, ...],
        has_pelvis: bool,
        stride_gain: float = 1.0,
    ) -> None:
        self._feet = feet
        self._has_pelvis = has_pelvis
        self._gain = stride_gain
        self._learned_at_s = {foot: math.inf for foot in feet}
        self._waiting: deque[Stride] = deque()
        self._contacts_s: dict[str, list[float]] = {foot: [] for foot in feet}
        self._stride_times_s: deque[float] = deque(maxlen=10)
        self._pelvis: list[PelvisStep] = []
        self._pelvis_s: list[float] = []

    def learned(self, foot: str, at_s: float) -> None:
        """Note when a foot's mounting was learned: from then on its contacts come promptly."""
        self._learned_at_s[foot] = at_s

    def add_contact(self, foot: str, row: FootContact) -> float:
        """Take one foot row; return the time at which its stride leaves at the latest."""
        gain = self._gain
        ic, fc = row.initial_contact_s, row.final_contact_s
        stride_time = row.next_initial_contact_s - ic
        is_backwards = stride_time <= 0.0
        stride_time = NAN if is_backwards else stride_time
        length = row.stride_length_m * gain
        stance = fc - ic
        sigma_s = timing_sigma_s(row.timing_sigma_s, row.quality)
        stride = Stride(
            foot=foot,
            initial_contact_s=ic,
            final_contact_s=fc,
            stride_time_s=stride_time,
            stance_time_s=stance,
            duty_factor=stance / stride_time,
            cadence_spm=120.0 / stride_time,
            stride_length_m=length,
            speed_mps=length / stride_time,
            foot_strike_angle_deg=row.foot_strike_angle_deg,
            peak_impact_g=row.peak_impact_g,
            mode=row.mode,
            quality=row.quality,
            reasons=row.reasons | (0 if self._has_pelvis else _NO_PELVIS),
            emitted_at_s=row.emitted_at_s,
            foot_flat_s=row.foot_flat_s,
            timing_sigma_s=sigma_s,
            stance_sigma_s=stance_sigma_s(row.final_contact_sigma_s, sigma_s),
            length_sigma_m=row.stride_length_sigma_m * gain,
            angle_sigma_deg=row.foot_strike_angle_sigma_deg,
            slope_deg=row.slope_deg,
            lift_m=row.lift_m,
            yaw_deg=row.yaw_deg,
        )
        if is_backwards:
            stride.reasons |= _IMPLAUSIBLE
            stride.implausible = f"stride_time_s={row.next_initial_contact_s - ic:.4g}<=0"
        elif row.reasons & _IMPLAUSIBLE:  # an engine withheld the only number it can
            stride.implausible = "stance_time_s"
        if len(self._feet) == 1:
            stride.reasons |= _ONE_FOOT
        insort(self._contacts_s[foot], ic)
        return self._wait(stride)

    def add_pelvis(self, row: PelvisStep) -> float:
        """Take one pelvis row; return the latest time at which a stride made of it alone leaves."""
        place = bisect_right(self._pelvis_s, row.step_s)
        self._pelvis.insert(place, row)
        self._pelvis_s.insert(place, row.step_s)
        if self._feet:
            return math.inf
        stride = Stride(
            foot=None,
            initial_contact_s=row.step_s,
            mode=row.mode,
            quality=row.quality,
            timing_sigma_s=timing_sigma_s(NAN, row.quality),
            reasons=row.reasons | _NO_FEET,
            emitted_at_s=row.emitted_at_s,
        )
        stride.stance_time_s = row.contact_time_s
        stride.stance_sigma_s = row.contact_time_sigma_s
        stride.final_contact_s = stride.initial_contact_s + stride.stance_time_s
        return self._wait(stride)

    def _wait(self, stride: Stride) -> float:
        """Let a stride wait in its place; an engine may tell a contact before an earlier one."""
        place = len(self._waiting)
        while place and _order(self._waiting[place - 1]) > _order(stride):
            place -= 1
        self._waiting.insert(place, stride)
        return stride.emitted_at_s + WAIT_S

    def is_due(self, now_s: float) -> bool:
        """Return whether the first stride has waited long enough; until then only rows set strides free."""
        return bool(self._waiting) and now_s >= self._waiting[0].emitted_at_s + WAIT_S

    def release(self, now_s: float, final: bool = False) -> list[Stride]:
        """Return the strides that are complete or past their deadline at ``now_s``, in order."""
        out: list[Stride] = []
        while self._waiting:
            head = self._waiting[0]
            due = final or now_s >= head.emitted_at_s + WAIT_S
            if head.foot is None:
                done = self._finish_pelvis_only(head, due)
            else:
                done = self._finish_foot(head, now_s, due, final)
            if not done:
                break
            withhold_implausible(head)
            head.emitted_at_s = max(now_s, head.emitted_at_s) if not final else head.emitted_at_s
            out.append(self._waiting.popleft())
        if out:
            self._forget_before(out[-1].initial_contact_s - 5.0)
        return out

    def _finish_foot(self, head: Stride, now_s: float, due: bool, final: bool) -> bool:
        other = "right" if head.foot == "left" else "left"
        other_next: float | None = NAN
        if other in self._contacts_s:
            other_next = _first_after(self._contacts_s[other], head.initial_contact_s)
            if other_next is None:
                learning = self._learned_at_s[other] > now_s and now_s < LEARNING_WAIT_S
                if not due or (learning and not final):
                    return False
        step = self._matching_step(head.initial_contact_s) if self._has_pelvis else None
        if self._has_pelvis and step is None and not due:
            last = self._pelvis_s[-1] if self._pelvis_s else -math.inf
            if last <= head.initial_contact_s + PELVIS_MATCH_S:
                return False
        # Once for each stride, when it leaves: one that waits for the pelvis comes by here several times.
        self._doubt_long_stride(head)
        if other_next is not None and math.isfinite(other_next):
            limit = head.stride_time_s if math.isfinite(head.stride_time_s) else 1.5
            if other_next - head.initial_contact_s < limit:
                head.flight_time_s = other_next - head.final_contact_s
                head.step_time_s = other_next - head.initial_contact_s
                _settle_mode(head)
        if head.mode == MODE_WALK and head.stride_length_m < SHORT_STRIDE_M:
            head.reasons |= _SHORT
        if step is not None:
            _copy_pelvis(head, step)
            crossing = step.crossing_s - head.initial_contact_s
            if head.mode == MODE_RUN and 0.0 < crossing < head.stance_time_s:
                head.foot_ahead_m = head.speed_mps * crossing
        return True

    def _finish_pelvis_only(self, head: Stride, due: bool) -> bool:
        place = bisect_left(self._pelvis_s, head.initial_contact_s)
        if len(self._pelvis_s) < place + 3 and not due:
            return False
        row = self._pelvis[place]
        _copy_pelvis(head, row)
        follows = [head.initial_contact_s]
        while len(follows) < 3 and place < len(self._pelvis):
            following = self._pelvis[place].next_step_s
            if not math.isfinite(following):
                break
            follows.append(following)
            place += 1
        if len(follows) > 1:
            head.step_time_s = follows[1] - follows[0]
            if head.mode in (MODE_RUN, MODE_WALK):
                head.flight_time_s = follows[1] - head.final_contact_s
        if len(follows) > 2 and follows[2] > follows[0]:
            head.stride_time_s = follows[2] - follows[0]
            head.cadence_spm = 120.0 / head.stride_time_s
            head.duty_factor = head.stance_time_s / head.stride_time_s
        else:
            head.reasons |= _OPEN
        return True

    def _doubt_long_stride(self, stride: Stride) -> None:
        """Withhold the stride values of a stride that must have swallowed a contact nobody saw.

        A runner's, and with samples missing in it any that follows a runner's: twice as long it looks like a walker's.
        """
        usual = median(self._stride_times_s) if len(self._stride_times_s) >= 4 else math.inf
        is_long = stride.stride_time_s > MISSED_CONTACT_SHARE * usual
        if not math.isfinite(stride.stride_time_s) or (
            stride.mode != MODE_RUN and not (is_long and stride.reasons & _GAP)
        ):
            self._stride_times_s.clear()
            return
        if is_long:
            stride.reasons |= _OPEN | _LOW_QUALITY
            stride.quality = min(stride.quality, 0.2)
            stride.stride_time_s = stride.cadence_spm = stride.duty_factor = NAN
            stride.stride_length_m = stride.speed_mps = NAN
            return
        self._stride_times_s.append(stride.stride_time_s)

    def _matching_step(self, contact_s: float) -> PelvisStep | None:
        place = bisect_left(self._pelvis_s, contact_s)
        before_s = contact_s - self._pelvis_s[place - 1] if place else math.inf
        if place == len(self._pelvis_s):  # a nearer step may still come
            return self._pelvis[place - 1] if before_s <= 0.5 * PELVIS_MATCH_S else None
        after_s = self._pelvis_s[place] - contact_s
        if min(before_s, after_s) > PELVIS_MATCH_S:
            return None
        return self._pelvis[place - 1 if before_s <= after_s else place]

    def _forget_before(self, time_s: float) -> None:
        """Keep memory flat over hours."""
        for times in self._contacts_s.values():
            if len(times) > 512:
                del times[: bisect_left(times, time_s)]
        if len(self._pelvis_s) > 512:
            keep = bisect_left(self._pelvis_s, time_s)
            del self._pelvis_s[:keep]
            del self._pelvis[:keep]


def _order(stride: Stride) -> tuple[float, str]:
    return stride.initial_contact_s, stride.foot or ""


def _settle_mode(stride: Stride) -> None:
    """Let both feet together decide between walking and running.

    One foot needs several strides to be sure; with the other foot's contact known, this very stride either had a
    flight phase or did not (sci:A1). A slow jog has next to none, so its own times must agree.
    """
    if stride.mode == MODE_WALK and stride.flight_time_s > SURE_FLIGHT_S and shows_gait(stride, MODE_RUN):
        stride.mode = MODE_RUN
    elif stride.mode == MODE_RUN and stride.flight_time_s < -SURE_FLIGHT_S and shows_gait(stride, MODE_WALK):
        stride.mode = MODE_WALK


def _first_after(times_s: list[float], time_s: float) -> float | None:
    if times_s and times_s[-1] > time_s:
        return times_s[bisect_right(times_s, time_s)]
    return None


def _copy_pelvis(stride: Stride, row: PelvisStep) -> None:
    stride.reasons |= row.reasons & _OF_TILT
    if row.impossible:
        names = [name for place, name in enumerate(PELVIS_WITHHELD) if row.impossible >> place & 1]
        told = [name for name in names if stride.foot is None or name not in ("step_time_s", "stance_time_s")]
        stride.reasons |= _IMPLAUSIBLE if told else 0
        stride.implausible = ";".join([*filter(None, [stride.implausible]), *told])
    stride.pelvic_tilt_deg = row.tilt_deg
    stride.pelvic_tilt_sigma_deg = row.tilt_sigma_deg
    stride.pelvic_obliquity_deg = row.obliquity_deg
    stride.pelvic_rotation_deg = row.rotation_deg
    stride.vertical_oscillation_m = row.vertical_oscillation_m
    stride.braking_dv_mps = row.braking_dv_mps
    stride.peak_braking_g = row.peak_braking_g
