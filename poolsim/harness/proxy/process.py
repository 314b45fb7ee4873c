"""A proxy as a process of the harness."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from poolsim.harness import processes
from poolsim.harness.not_ready import NotReady


@contextmanager
def started_proxy() -> Iterator[str]:
    """A proxy for a block: where its control connection goes. It is ended after it.

    Raises:
        NotReady: it did not start.
    """
    command = [sys.executable, "-m", "poolsim.harness.proxy", "--control", "127.0.0.1:0"]
    with processes.started(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise NotReady("the proxy of the harness did not start")
        yield str(json.loads(line)["control"])
