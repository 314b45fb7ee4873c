"""Which program records which driver."""

from __future__ import annotations

import sys
from pathlib import Path

from poolsim.harness import files
from poolsim.harness.drivers import process
from poolsim.harness.not_ready import NotReady


def start_recorder(driver: str, run_json: Path) -> process.RecorderProcess:
    """Start the recorder of a driver, java3 or python; to be used in a `with` block.

    Raises:
        NotReady: something that it needs is missing.
    """
    if driver == "java3":
        from poolsim.harness.drivers import java3

        return java3.start(run_json)
    script = files.directory() / "python" / "runs.py"
    if not script.is_file():
        raise NotReady(f"the run recorder of the Python driver is missing: {script}")
    return process.start(
        "the run recorder of the Python driver", [sys.executable, script, run_json]
    )
