"""`poolsim calibrate`: from a recording to the `cluster:` block of a scenario."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import typer

from poolsim.commands.exit_codes import OK, UsageError


def calibrate_command(recording: Path, out: Path | None, force: bool) -> int:
    """Fit a recording and write the block, or print it where no file is named."""
    from poolsim.fidelity.calibration.calibrate import calibrate, cluster_yaml
    from poolsim.fidelity.recordings import read_recording

    if out is not None and out.exists() and not force:
        raise UsageError(f"{out} is there already: --force replaces it")
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"there is no directory {out.parent}")
    calibration = calibrate(read_recording(recording))
    text = cluster_yaml(calibration)
    if out is None:
        typer.echo(text, nl=False)
        return OK
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    typer.echo(f"{out}: {calibration.workers} workers, {calibration.law.kind} service times")
    return OK
