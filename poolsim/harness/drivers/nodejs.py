"""Starts the run recorder of the Node.js driver."""

from __future__ import annotations

from pathlib import Path

from poolsim.harness import nodejs
from poolsim.harness.drivers import process

# Pauses are what counts: what a run keeps is small, and a larger young generation is collected less
# often.
NODE_OPTIONS = ("--max-semi-space-size=64",)


def start(run_json: Path) -> process.RecorderProcess:
    """Start the recorder on a run; call it from a thread that stays.

    Args:
        run_json: What to run; keys that it does not know are refused by name.

    Raises:
        NotReady: Node.js or npm is missing, or the driver cannot be installed.
    """
    return process.start(
        "the run recorder of the Node.js driver",
        [nodejs.program("node"), *NODE_OPTIONS, nodejs.script("runs.js"), run_json.resolve()],
        environment=nodejs.environment(),
    )
