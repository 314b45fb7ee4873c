"""Records decisions: seeded random walks over a real driver's pools, a trace file each.

The files appear when they are complete; a walk whose file is there is not made again, so an
interrupted recording is taken up by the same call.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from poolsim.harness import java, java3_walks, nodejs, nodejs_walks, processes, python_walks
from poolsim.harness.drivers import python
from poolsim.harness.not_ready import NotReady
from poolsim.harness.proxy.process import started_proxy

Walk = dict[str, Any]
"""One walk as the driver's recorder takes it."""

Progress = Callable[[dict[str, Any]], None]
"""Told of each walk that ended: what the recorder printed of it."""

SILENCE_LIMIT_S = 300.0
"""A recorder that finishes no walk for so long is stuck."""

_READ_BYTES = 1 << 16
_TAIL_BYTES = 4000
_JVM_OPTIONS = (
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
)
_JAVA_MAIN = "com.datastax.driver.core.DecisionRecorder"


class RecordingFailed(Exception):
    """Walks could not be recorded; the message says which and why."""


@dataclass(frozen=True, slots=True)
class DecisionDriver:
    """How the walks of one driver are planned and recorded."""

    plan: Callable[[int, int, int], list[Walk]]
    """(walks, operations of each, seed) -> walks, each with a "name"."""
    command: Callable[[], list[str]]
    """The recorder; the file with its order is appended. Raises NotReady."""
    environment: Callable[[], Mapping[str, str]] = dict
    """Variables that it needs besides. Raises NotReady."""


def _java(flavour: str) -> DecisionDriver:
    def plan(count: int, operations: int, seed: int) -> list[Walk]:
        return java3_walks.walks(flavour, count, operations, seed)

    def command() -> list[str]:
        class_path = os.pathsep.join(map(str, java.build(flavour)))
        return [java.program("java"), *_JVM_OPTIONS, "-cp", class_path, _JAVA_MAIN]

    return DecisionDriver(plan, command)


def _python(name: str) -> DecisionDriver:
    def plan(count: int, operations: int, seed: int) -> list[Walk]:
        return python_walks.walks_of(name, count, operations, seed)

    def command() -> list[str]:
        return [sys.executable, str(python.script("decisions.py"))]

    return DecisionDriver(plan, command)


def _nodejs() -> DecisionDriver:
    def command() -> list[str]:
        return [nodejs.program("node"), str(nodejs.script("decisions.js"))]

    return DecisionDriver(nodejs_walks.walks, command, nodejs.environment)


DRIVERS: dict[str, DecisionDriver] = {
    "java3": _java("java3"),
    "dse": _java("dse"),
    "python": _python("python"),
    "python-legacy": _python("python-legacy"),
    "nodejs": _nodejs(),
}
"""By the name of a driver and flavour."""


def record_decisions(
    driver: str,
    walks: int,
    operations: int,
    out: Path,
    progress: Progress,
    *,
    seed: int = 1,
    node: str = "127.0.0.1:9042",
    parallel: int = 16,
) -> list[Path]:
    """Record walks of a driver.

    Args:
        driver: Of `DRIVERS`.
        walks: How many.
        operations: How many each has; one that a stall of the machine ends early has fewer.
        out: The folder of the traces, made when it is missing.
        progress: Told of each walk as it ends.
        seed: Of settings and operations. The driver's clock readings are not in its power.
        node: A Cassandra node's native address, on loopback.
        parallel: How many walks go on side by side.

    Returns:
        The traces, in the order of the plan.

    Raises:
        NotReady: something that the recorder needs is missing.
        RecordingFailed: walks are missing at the end.
    """
    chosen = DRIVERS[driver]
    plan = chosen.plan(walks, operations, seed)
    out.mkdir(parents=True, exist_ok=True)
    files = [out / f"{walk['name']}.jsonl" for walk in plan]
    if all(file.exists() for file in files):
        return files
    command, environment = chosen.command(), chosen.environment()
    errors: list[str] = []
    with started_proxy() as proxy, tempfile.TemporaryDirectory() as folder:
        order = Path(folder) / "order.json"
        order.write_text(
            json.dumps(
                {
                    "walks": plan,
                    "proxy_control": proxy.control,
                    "backend": node,
                    "node": node,
                    "out": str(out.resolve()),
                    "parallel": parallel,
                }
            ),
            encoding="utf-8",
        )
        with (
            (Path(folder) / "stderr").open("w+b") as stderr,
            _started([*command, str(order)], environment, stderr) as process,
        ):
            for said in _lines(process):
                progress(said)
                if "error" in said:
                    errors.append(f"{said.get('walk')}: {said['error']}")
            status = process.wait()
            said_last = _tail(stderr)
    missing = [file.name for file in files if not file.exists()]
    if missing:
        why = "\n".join(errors[:5]) or said_last or f"the recorder ended with status {status}"
        raise RecordingFailed(f"{len(missing)} of {walks} walks are missing:\n{why}")
    return files


def _started(
    command: list[str], environment: Mapping[str, str], stderr: IO[bytes]
) -> AbstractContextManager[subprocess.Popen[str]]:
    return processes.started(
        command, stdout=subprocess.PIPE, stderr=stderr, environment=environment
    )


def _lines(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """What the recorder prints, a JSON object a line, until it closes its stdout."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    pending = b""
    last = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if selector.select(1.0):
                read = os.read(descriptor, _READ_BYTES)
                if not read:
                    return
                *whole, pending = (pending + read).split(b"\n")
                for line in whole:
                    last = time.monotonic()
                    yield json.loads(line)
            elif time.monotonic() - last > SILENCE_LIMIT_S:
                raise NotReady(
                    f"the decision recorder has finished no walk for {SILENCE_LIMIT_S:.0f} s: "
                    "does the node answer, is the machine overloaded?"
                )


def _tail(stream: IO[bytes]) -> str:
    stream.seek(0, os.SEEK_END)
    stream.seek(max(0, stream.tell() - _TAIL_BYTES))
    return stream.read().decode("utf-8", "replace").strip()
