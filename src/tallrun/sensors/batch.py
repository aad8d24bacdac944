"""What a packet decoder hands on: samples in SI units with the raw stamp and counter beside them."""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.numerics.recording import FloatArray


@dataclass(frozen=True)
class Batch:
    """Samples of one packet.

    stream : "imu" when acceleration and rotation come together, else "acc" or "gyr".
    acc_mps2, gyr_radps : float64 (n, 3) or None; an axis the sensor lacks is NaN.
    stamp_ticks, counter : as sent, not unwrapped; None when the packet carries none.
    period_s : sampling period as the sensor measures it; None when not sent.
    """

    stream: str
    acc_mps2: FloatArray | None
    gyr_radps: FloatArray | None
    stamp_ticks: int | None = None
    counter: int | None = None
    period_s: float | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        values = self.acc_mps2 if self.acc_mps2 is not None else self.gyr_radps
        return 0 if values is None else int(values.shape[0])
