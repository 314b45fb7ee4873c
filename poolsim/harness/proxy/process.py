"""A proxy as a process of the harness."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from poolsim.harness import processes
from poolsim.harness.not_ready import NotReady


@dataclass(frozen=True, slots=True)
class StartedProxy:
    """Where a proxy's control connection goes, and whether it runs before other programs."""

    control: str
    has_precedence: bool


@contextmanager
def started_proxy() -> Iterator[StartedProxy]:
    """A proxy for a block; it is ended after it.

    Raises:
        NotReady: it did not start.
    """
    command = [sys.executable, "-m", "poolsim.harness.proxy", "--control", "127.0.0.1:0"]
    with processes.started([*command, "--precedence"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise NotReady("the proxy of the harness did not start")
        told = json.loads(line)
        yield StartedProxy(str(told["control"]), bool(told["precedence"]))
