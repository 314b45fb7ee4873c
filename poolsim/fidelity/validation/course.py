"""Records what is missing of a programme: walks first, then plans by the size of their cluster.

Whatever is there already is kept, so a validation that was interrupted goes on where it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from poolsim.fidelity.validation.clock import OPERATIONS_PER_SECOND, PREPARATION_S, Clock
from poolsim.fidelity.validation.programme import Programme, Walks
from poolsim.fidelity.validation.usable import why_again
from poolsim.harness.cluster import Cluster, running_cluster
from poolsim.harness.decisions import record_decisions
from poolsim.harness.recording.record import Repetition, record

MOST_ATTEMPTS = 3
"""A repetition that a busy machine spoils is made at most so often; the last one stays."""

Say = Callable[[str], None]


class StaleRecording(Exception):
    """A recording was made by another version of its plan; the message says what to do."""


def record_all(programme: Programme, recordings: Path, command: str, say: Say) -> list[Path]:
    """Record what is missing.

    Args:
        programme: what there shall be.
        recordings: where it is kept.
        command: the command line, kept beside each recording.
        say: gets a line for each step.

    Returns:
        The traces of all walks.

    Raises:
        StaleRecording: one that is there belongs to another plan of the same name.
        NotReady: something that the harness needs is missing.
        RecordingFailed: walks could not be recorded.
    """
    for repetition in programme.repetitions:
        _refuse_stale(repetition)
    steps = [_walks_s(walks) for walks in programme.walks if not _is_complete(walks, recordings)]
    steps += [_run_s(one) for one in programme.repetitions if not one.is_there]
    clock = Clock(steps)
    traces: list[Path] = []
    for nodes in programme.sizes:
        missing = [one for one in programme.of_size(nodes) if not one.is_there]
        walks = programme.walks if nodes == 1 else ()
        if not missing and all(_is_complete(one, recordings) for one in walks):
            traces += [path for one in walks for path in _traces(one, recordings)]
            continue
        say(f"a cluster of {nodes} node{'s' if nodes > 1 else ''}")
        with running_cluster(nodes, say=say) as cluster:
            for one in walks:
                traces += _record_walks(one, cluster, recordings, clock, say)
            _record_runs(missing, cluster, command, clock, say)
    return traces


def _refuse_stale(repetition: Repetition) -> None:
    kept = repetition.directory / "plan.yaml"
    if repetition.is_there and kept.read_text(encoding="utf-8") != repetition.plan.text:
        raise StaleRecording(
            f"{repetition.directory} was recorded by another version of its plan: "
            f"remove {repetition.directory.parent}, or name other --recordings"
        )


# Walks --------------------------------------------------------------------------------------------


def _folder(walks: Walks, recordings: Path) -> Path:
    return recordings / "decisions" / walks.folder


def _traces(walks: Walks, recordings: Path) -> list[Path]:
    return sorted(_folder(walks, recordings).glob("*.jsonl"))


def _is_complete(walks: Walks, recordings: Path) -> bool:
    return len(_traces(walks, recordings)) >= walks.walks


def _walks_s(walks: Walks) -> float:
    return walks.walks * walks.operations / OPERATIONS_PER_SECOND


def _record_walks(
    walks: Walks, cluster: Cluster, recordings: Path, clock: Clock, say: Say
) -> list[Path]:
    if _is_complete(walks, recordings):
        say(f"{walks.driver}: {walks.walks} walks are there already")
        return _traces(walks, recordings)
    say(f"{walks.driver}: {walks.walks} walks of {walks.operations:,} operations, {clock.left}")
    clock.begin()
    done = 0

    def progress(told: dict[str, Any]) -> None:
        nonlocal done
        done += "error" not in told
        if done % max(1, walks.walks // 10) == 0:
            say(f"    {done} of {walks.walks} walks")

    address = cluster.contact_points[0]
    traces = record_decisions(
        walks.driver,
        walks.walks,
        walks.operations,
        _folder(walks, recordings),
        progress,
        node=address,
    )
    clock.end(_walks_s(walks))
    return traces


# Plans --------------------------------------------------------------------------------------------


def _run_s(repetition: Repetition) -> float:
    return repetition.plan.scenario.duration_ns / 1e9 + PREPARATION_S


def _record_runs(
    missing: Sequence[Repetition], cluster: Cluster, command: str, clock: Clock, say: Say
) -> None:
    for place, repetition in enumerate(missing, start=1):
        name = f"{repetition.plan.name}, repetition {repetition.number}"
        say(f"[{place}/{len(missing)}] {name}, {clock.left}")
        clock.begin()
        for attempt in range(1, MOST_ATTEMPTS + 1):
            record(repetition, cluster, command=command)
            reason = why_again(repetition.directory)
            if not reason:
                break
            if attempt == MOST_ATTEMPTS:
                say(f"    {reason}: kept as it is after {attempt} attempts")
                break
            say(f"    {reason}: made again")
            shutil.rmtree(repetition.directory)
        clock.end(_run_s(repetition))
