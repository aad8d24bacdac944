"""Sensors without a radio: firmware configs, packet codecs, streams, clocks, ingest (docs/sensors.md).

``config`` says what a sensor is; ``codecs`` and ``fixed`` read and write its bytes; ``decoders`` joins them per
sensor; ``stream`` and ``counted`` place samples in time; ``port`` is one sensor, ``ingest`` the session;
``negotiate`` and ``emulate`` are the two sides of talking to one.
"""
