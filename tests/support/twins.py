"""Kernels as plain Python, to hold the compiled ones against."""

from __future__ import annotations

from tallrun import machine_code


def use_twins(monkeypatch):
    """Let every entry run as Python, and no machine code at all."""
    monkeypatch.setattr(machine_code, "IS_OFF", True)
    monkeypatch.delattr(machine_code.Code, "__call__")
