"""`poolsim record`: the plan's load and faults, given to a real driver on a real cluster."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from poolsim.commands.exit_codes import OK, UsageError

if TYPE_CHECKING:
    from poolsim.harness.recording.record import Plan, Repetition


@dataclass(frozen=True, slots=True)
class Request:
    """What the user typed."""

    plans: tuple[Path, ...]
    out: Path
    repetitions: int | None


def record_command(request: Request) -> int:
    """Record what is missing of some plans; gives the exit code."""
    from poolsim.harness.recording.record import Plan, repetitions
    from poolsim.scenario.load import load_plan

    plans = []
    for path in request.plans:
        # Read first: what is kept beside the recording is what was loaded.
        scenario = load_plan(path)
        plans.append(Plan(scenario, path.read_text(encoding="utf-8")))
    _check(plans, request)
    wanted = repetitions(plans, request.out, request.repetitions)
    missing = [repetition for repetition in wanted if not repetition.is_there]
    if len(missing) < len(wanted):
        _say(f"{len(wanted) - len(missing)} of {len(wanted)} repetitions are there already")
    by_nodes = sorted(missing, key=lambda repetition: repetition.plan.nodes)
    for nodes, of_size in groupby(by_nodes, key=lambda repetition: repetition.plan.nodes):
        _record_on(nodes, list(of_size))
    for plan in plans:
        typer.echo(str(request.out / plan.name))
    return OK


def _check(plans: Sequence[Plan], request: Request) -> None:
    """Refuse what could not be told apart on disk, or would be mixed with something else."""
    seen: dict[str, Path] = {}
    for plan, path in zip(plans, request.plans, strict=True):
        if plan.name in seen:
            raise UsageError(f"{path} and {seen[plan.name]} have the same name: {plan.name}")
        seen[plan.name] = path
        kept = request.out / plan.name
        for file in sorted(kept.glob("*/plan.yaml")):
            if file.read_text(encoding="utf-8") != plan.text:
                raise UsageError(
                    f"{file.parent} was recorded by another {plan.name}: "
                    f"remove {kept}, or name another --out"
                )


def _record_on(nodes: int, missing: Sequence[Repetition]) -> None:
    """Record some repetitions on a cluster of so many nodes."""
    from poolsim.harness.cluster import running_cluster
    from poolsim.harness.recording.record import record

    command = shlex.join(["poolsim", *sys.argv[1:]])
    with running_cluster(nodes, say=_say) as cluster:
        for place, repetition in enumerate(missing, start=1):
            plan = repetition.plan
            last_s = plan.scenario.duration_ns / 1e9
            _say(
                f"[{place}/{len(missing)}] {plan.name}, repetition {repetition.number}: "
                f"{last_s:.0f} s and its preparation"
            )
            began = time.monotonic()
            with _patience():
                meta = record(repetition, cluster, command=command)
            took_s = time.monotonic() - began
            late = meta.get("late_backends", 0)
            note = f", {late} late responses of the node" if late else ""
            _say(f"    {meta['requests']} requests in {took_s:.0f} s{note}")


@contextmanager
def _patience() -> Iterator[None]:
    """A sign of life where somebody can see it."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status("recording"):
        yield


def _say(line: str) -> None:
    typer.echo(line, err=True)
