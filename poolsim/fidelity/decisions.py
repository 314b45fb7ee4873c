"""The first tier (T1): recorded decisions of real pools, replayed line by line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from poolsim.fidelity.replay import replay_file

MOST_DIFFERENCES = 20
"""Shown of one driver."""


@dataclass(slots=True)
class DriverDecisions:
    """All walks of one driver, version and protocol."""

    driver: str
    version: str
    protocol: int
    walks: int = 0
    operations: int = 0
    identical: int = 0
    differences: list[str] = field(default_factory=list)


def replay_all(
    traces: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> list[DriverDecisions]:
    """Replay traces and count them by driver, version and protocol.

    Args:
        traces: files of `poolsim.decisions/1`.
        progress: called with how many were replayed, and of how many.

    Raises:
        TraceError: one cannot be read.
    """
    found: dict[tuple[str, str, int], DriverDecisions] = {}
    for done, trace in enumerate(traces, start=1):
        replay = replay_file(trace)
        with trace.open(encoding="utf-8") as file:
            header = json.loads(file.readline())
        key = (
            str(header.get("driver", "")),
            str(header.get("driver_version", "")),
            int(header.get("protocol", 0)),
        )
        row = found.setdefault(key, DriverDecisions(*key))
        row.walks += 1
        row.operations += replay.lines
        if replay.difference is None:
            row.identical += 1
        elif len(row.differences) < MOST_DIFFERENCES:
            row.differences.append(
                f"{trace.name}:{replay.difference.line}: {replay.difference.operation}"
            )
        if progress is not None:
            progress(done, len(traces))
    return [found[key] for key in sorted(found)]
