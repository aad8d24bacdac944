"""Answers of a sensor that tells what it can do, when they come in several pieces."""

from __future__ import annotations

from dataclasses import replace

from tallrun.errors import PacketError
from tallrun.sensors.codecs.polar_pmd import decode_control, encode_control


def more_follows(answer: bytes) -> bool:
    """Say whether a Polar answer is continued by another one."""
    try:
        return decode_control(answer).has_more
    except PacketError:
        return False


def joined(answers: list[bytes]) -> bytes:
    """Return one answer with the parameters of all pieces; raises PacketError when a piece is no answer."""
    pieces = [decode_control(answer) for answer in answers]
    parameters = b"".join(piece.parameters for piece in pieces)
    return encode_control(replace(pieces[0], has_more=False, parameters=parameters))
