"""Which program records which driver."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poolsim.harness.drivers import process


def start_recorder(driver: str, run_json: Path) -> process.RecorderProcess:
    """Start the recorder of a driver, java3 or python; to be used in a `with` block.

    Raises:
        NotReady: something that it needs is missing.
    """
    if driver == "java3":
        from poolsim.harness.drivers import java3

        return java3.start(run_json)
    from poolsim.harness.drivers import python

    return python.start(run_json)


RECORDER_NICE = -10
"""A driver that waits for a core looks like a node that is slow; a node that waits for one has its
service time to do so.
"""


@contextmanager
def favoured() -> Iterator[bool]:
    """What is started in the block gets cores before others; whether that was granted.

    A process inherits its starter's priority, and all its threads must have it.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, RECORDER_NICE)
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)
