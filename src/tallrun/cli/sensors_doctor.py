"""``tallrun doctor``: what this machine can do, and what to do where it cannot."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tallrun.cli.output import print_json
from tallrun.cli.radio import DataDir
from tallrun.kernel_cache import prepare


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    compile_: Annotated[bool, typer.Option("--compile", help="Only compile the stride engine.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Check Bluetooth, permissions, folders, disk, browser and compiled kernels; each with its remedy.

    Ends with exit code 1 when something is missing without which no run can be recorded.
    """
    from tallrun.live.machine import CHECKS, NEEDED, kernels

    if compile_:
        from tallrun.gait.warm import warm_up

        prepare(warm_up)
    findings = [check(data_dir) for check in ((kernels,) if compile_ else CHECKS)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok ' if finding.ok else 'NO '} {finding.check:<10} {finding.text}")
            if finding.remedy:
                typer.echo(f"               what to do: {finding.remedy}")
    if any(finding.check in NEEDED and not finding.ok for finding in findings):
        raise typer.Exit(1)
