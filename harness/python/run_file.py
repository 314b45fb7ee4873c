"""run.json: what the harness asks a run recorder for, checked before anything is connected."""

from __future__ import annotations

import json
import sys
from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

QUERY = "SELECT key FROM system.local WHERE key='local'"
KEYS = {
    "contact_points", "port", "translate", "hosts", "protocol", "driver", "options", "changes",
    "load", "duration_ns", "sample_every_ns", "issue_gap_ns", "out", "query", "warm_up_ns",
    "wrapper", "max_concurrent",
}  # fmt: skip
OPTIONS = {
    "connect_timeout_ms", "reconnection", "balancing", "retry", "idempotent", "executor_threads",
    "keyspace", "read_timeout_ms", "heartbeat_interval_s", "heartbeat_timeout_s", "tcp_nodelay",
}  # fmt: skip
RECONNECTION = {"kind", "base_ms", "max_ms", "max_attempts"}
BALANCING = {"policy", "token_aware", "shuffle_replicas", "used_hosts_per_remote_dc"}


class BadRun(Exception):
    """A run that cannot be made as asked; the message says what is wrong."""


@dataclass
class Run:
    """One run, in the words of run.json."""

    contact_points: list[str]
    hosts: list[str]
    out: Path
    duration_ns: int
    load: dict[str, Any]
    port: int = 9042
    translate: dict[str, str] = field(default_factory=dict)
    protocol: int = 4
    options: dict[str, Any] = field(default_factory=dict)
    sample_every_ns: int = 20_000_000
    issue_gap_ns: int = 0
    query: str = QUERY
    wrapper: str | None = None
    max_concurrent: int | None = None

    @property
    def payload(self) -> bool:
        """Whether the protocol has a place for a request's number."""
        return self.protocol >= 4


def read(path: Path) -> Run:
    """Read run.json.

    Raises:
        BadRun: it cannot be read, or asks for something that is not known or cannot be done.
    """
    try:
        asked = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadRun(f"cannot read {path}: {error}") from None
    if not isinstance(asked, dict):
        raise BadRun("an object is expected")
    _only(asked, KEYS, "")
    if asked.pop("driver", "python") != "python":
        raise BadRun("driver must be python")
    if asked.pop("changes", []):
        raise BadRun("changes: the Python driver has no options that change at runtime on v3+")
    asked.pop("warm_up_ns", None)
    options = asked.setdefault("options", {})
    _only(options, OPTIONS, "options.")
    _only(options.get("reconnection") or {}, RECONNECTION, "options.reconnection.")
    _only(options.get("balancing") or {}, BALANCING, "options.balancing.")
    missing = {"contact_points", "hosts", "out", "duration_ns", "load"} - set(asked)
    if missing:
        raise BadRun(f"{', '.join(sorted(missing))}: missing")
    run = Run(**{**asked, "out": Path(asked["out"])})
    if run.protocol not in (3, 4):
        raise BadRun(f"protocol must be 3 or 4, not {run.protocol}")
    if run.wrapper not in (None, "async"):
        raise BadRun(f"wrapper must be async or null, not {run.wrapper}")
    if run.max_concurrent is not None and run.wrapper is None:
        raise BadRun("max_concurrent is the wrapper's")
    if not run.out.is_dir():
        raise BadRun(f"out: there is no folder {run.out}")
    if run.duration_ns <= 0 or run.sample_every_ns <= 0 or run.issue_gap_ns < 0:
        raise BadRun("duration_ns and sample_every_ns must be above 0, issue_gap_ns not below")
    _check_load(run.load)
    return run


def _check_load(load: dict[str, Any]) -> None:
    kind = load.get("kind")
    if kind == "open":
        _only(load, {"kind", "intended_ns"}, "load.")
    elif kind == "closed":
        _only(load, {"kind", "phases", "error_pause_ns"}, "load.")
        before = -1
        for at, window in load.get("phases") or [[-1, 0]]:
            if at <= before or window < 0:
                raise BadRun("load.phases: times must rise from 0 and windows not be below 0")
            before = at
    else:
        raise BadRun(f"load.kind must be open or closed, not {kind!r}")


def intended(load: dict[str, Any]) -> array[int]:
    """The instants of an open load, in ns from the start.

    Raises:
        BadRun: the file is missing, is none of 64-bit integers, or does not rise.
    """
    path = Path(load["intended_ns"])
    times = array("q")
    try:
        times.frombytes(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadRun(f"load.intended_ns: {path}: {error}") from None
    if sys.byteorder == "big":
        times.byteswap()
    if any(later < earlier for earlier, later in pairwise(times)):
        raise BadRun(f"load.intended_ns: the times in {path} do not rise")
    return times


def _only(entry: dict[str, Any], known: set[str], path: str) -> None:
    for key in entry:
        if key not in known:
            raise BadRun(f"{path}{key} is not known here; known: {', '.join(sorted(known))}")
