"""Which program records which driver."""

from __future__ import annotations

from pathlib import Path

from poolsim.harness.drivers import process


def start_recorder(driver: str, run_json: Path) -> process.RecorderProcess:
    """Start the recorder of a driver, java3, python or nodejs; to be used in a `with` block.

    Raises:
        NotReady: something that it needs is missing.
    """
    if driver == "java3":
        from poolsim.harness.drivers import java3

        return java3.start(run_json)
    if driver == "nodejs":
        from poolsim.harness.drivers import nodejs

        return nodejs.start(run_json)
    from poolsim.harness.drivers import python

    return python.start(run_json)
