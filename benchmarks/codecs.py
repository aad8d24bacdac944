"""Notifications per second one core takes, per kind of sensor, and the margin over three such sensors.

    python benchmarks/codecs.py [--seconds 60] [--json FILE]

Two columns: the codec alone (bytes to numbers in SI units) and all of ingest (codec, order, clock, joining).
The margin compares ingest with three sensors streaming at 208 Hz (or at the sensor's own rate, when lower).
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tallrun.resources import firmware_config_texts
from tallrun.sensors.batch import Batch
from tallrun.sensors.codecs.ftms import TreadmillData, encode_treadmill_record
from tallrun.sensors.codecs.heart_rate import HeartRateMeasurement, encode_heart_rate
from tallrun.sensors.config import ConfigSet, FirmwareConfig
from tallrun.sensors.decoders import SensorDecoder
from tallrun.sensors.emulate import packet_encoders
from tallrun.sensors.ingest import Binding, Ingest

SENSORS = 3
READINGS = {
    "sig-treadmill": encode_treadmill_record(TreadmillData(speed_mps=3.0, incline_pct=1.0, elapsed_s=60.0)),
    "sig-heart-rate": encode_heart_rate(HeartRateMeasurement(150.0, True, rr_s=(0.4, 0.41))),
    "sig-foot-pod": bytes.fromhex("07 00 03 AC 69 00 10 27 00 00"),  # 3 m/s, 172 a minute, 1.05 m, 1000 m
}
Packets = list[tuple[float, str, bytes]]


def sample_packets(config: FirmwareConfig, seconds: float, rng: np.random.Generator) -> Packets:
    """Return (arrival, UUID, payload) of one sensor: the answers of its start sequence, then its samples."""
    imu = config.imu
    if imu is None:
        return [
            (float(t), config.uuid("measurement"), READINGS[config.name]) for t in range(round(seconds) * 20)
        ]
    replies = [reply for step in config.start for reply in (step.reply, step.start_reply) if reply]
    answers = [(0.0, config.uuid(r.characteristic), r.example_hex) for r in replies if r.example_hex]
    out: Packets = []
    for encoder in packet_encoders(config):
        n = encoder.capacity(247)
        for number in range(int(seconds * imu.rate_hz / n)):
            first_s, last_s = number * n / imu.rate_hz, ((number + 1) * n - 1) / imu.rate_hz
            stamp_s = first_s if imu.time.stamp == "first_sample" else last_s
            values = rng.normal(0.0, 10.0, (n, 3))
            batch = Batch(
                encoder.stream,
                None if encoder.stream == "gyr" else values,
                None if encoder.stream == "acc" else values,
                stamp_ticks=round(stamp_s / (imu.time.unit_s or 1.0)),
                counter=number,
                period_s=1.0 / imu.rate_hz,
            )
            arrival_s = last_s + rng.uniform(0.01, 0.03)
            out += [(arrival_s, config.uuid(role), payload) for role, payload in encoder.encode(batch)]
    return answers + sorted(out, key=lambda packet: packet[0])


def rate(run: Callable[[], None], count: int, rounds: int = 3) -> float:
    """Return the median notifications per second of a few rounds."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return count / statistics.median(seconds)


def measure(config: FirmwareConfig, seconds: float) -> dict[str, float | str]:
    """Return the figures of one kind of sensor."""
    packets = sample_packets(config, seconds, np.random.default_rng(1))

    def decode() -> None:
        decoder = SensorDecoder("pelvis", config)
        for t_s, uuid, payload in packets:
            decoder.feed(t_s, uuid, payload)

    def ingest() -> None:
        whole = Ingest([Binding("pelvis", config)])
        for t_s, uuid, payload in packets:
            whole.feed(t_s, "pelvis", uuid, payload)
        whole.finish()

    decoded, ingested = rate(decode, len(packets)), rate(ingest, len(packets))
    sent_per_s = len(packets) / seconds if config.imu else 1.0
    return {
        "sensor": config.name,
        "sent_per_s": sent_per_s,
        "codec_per_s": decoded,
        "ingest_per_s": ingested,
        "margin_over_three": ingested / (SENSORS * sent_per_s),
    }


def main() -> None:
    """Print the table; write it as JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    configs = ConfigSet.from_texts(firmware_config_texts())
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, one core")
    print(f"{'sensor':26}{'sent/s':>9}{'codec/s':>11}{'ingest/s':>11}{'margin over three':>20}")
    rows = []
    for config in configs:
        row = measure(config, options.seconds)
        rows.append(row)
        print(
            f"{row['sensor']:26}{row['sent_per_s']:9.1f}{row['codec_per_s']:11,.0f}{row['ingest_per_s']:11,.0f}"
            f"{row['margin_over_three']:19,.0f}x"
        )
    if options.json:
        options.json.write_text(json.dumps({"machine": platform.platform(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
