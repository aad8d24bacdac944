"""Packet codecs: bytes to frozen dataclasses and back, one file per protocol, no state between packets.

Every ``decode_*`` is total: any byte string gives a value or ``PacketError``.
"""
