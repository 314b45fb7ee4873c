"""Starts the recorders of the Python driver, which this interpreter runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from poolsim.harness import files
from poolsim.harness.drivers import process
from poolsim.harness.not_ready import NotReady


def script(name: str) -> Path:
    """The path of one of the driver's recorders.

    Raises:
        NotReady: the driver is not installed, or the harness's files are not there.
    """
    if importlib.util.find_spec("cassandra") is None:
        raise NotReady(
            "the Python driver is missing here: install poolsim with its extra 'harness'"
        )
    path = files.directory() / "python" / name
    if not path.is_file():
        raise NotReady(f"a recorder of the Python driver is missing: {path}")
    return path


def start(run_json: Path) -> process.RecorderProcess:
    """Start the run recorder on a run; call it from a thread that stays.

    Args:
        run_json: What to run; keys that it does not know are refused by name.

    Raises:
        NotReady: the driver or the recorder is missing.
    """
    return process.start(
        "the run recorder of the Python driver",
        [sys.executable, script("runs.py"), run_json.resolve()],
    )
