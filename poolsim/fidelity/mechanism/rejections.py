"""Requests that the pools refused: how many, in which phases, and the ceiling that refused them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from poolsim.fidelity.checks import Check, median
from poolsim.fidelity.mechanism.compared import Compared, figure
from poolsim.fidelity.observed import FAILED, REJECTED, TIMED_OUT, Observed
from poolsim.fidelity.stalls import SMALLEST_SHARE, Stalls
from poolsim.scenario.scenario import Scenario

SHARE = 0.10
COUNT = 20.0
"""An open loop's rejections agree within this share or this count, whichever is more."""

CEILING = 2.0
"""In flight and queued are two counters that are not read in one instant: a request that moves
between them counts twice or not at all, on the real and on the simulated side."""

FEWEST_SAMPLES = 5
"""A ceiling is a value reached in so many samples; a single one is a passing sum of two reads."""


def count(observed: Observed, stalls: Stalls, outcome: int = REJECTED) -> int:
    """Requests of an outcome whose intended start lies in no stall."""
    requests = observed.requests
    kept = ~stalls.left_out(requests.intended_ns)
    return int((kept & (requests.outcome == outcome)).sum())


def phases_with(observed: Observed, scenario: Scenario, stalls: Stalls) -> tuple[str, ...]:
    """Names of the stretches of the load in which requests were rejected, in order."""
    requests = observed.requests
    rejected = requests.started_ns[requests.outcome == REJECTED]
    rejected = rejected[~stalls.left_out(rejected)]
    edges, names = _stretches(scenario)
    places = np.searchsorted(edges, rejected, side="right") - 1
    return tuple(names[place] for place in sorted(set(places.tolist())))


def _stretches(scenario: Scenario) -> tuple[list[int], list[str]]:
    """Where the level of the load changes, and what each stretch is called."""
    edges, names = [0], ["start"]
    phases = sorted(scenario.clients[0].load.phases, key=lambda phase: phase.at_ns)
    for i, phase in enumerate(phases):
        edges.append(phase.at_ns)
        names.append(phase.name or f"{phase.at_ns / 1e9:g} s")
        ends = phase.at_ns + phase.for_ns
        following = phases[i + 1].at_ns if i + 1 < len(phases) else scenario.duration_ns
        if phase.for_ns and ends < following:
            edges.append(ends)
            names.append(f"after {names[-1]}")
    return edges, names


def ceiling(observed: Observed) -> float:
    """The most that was in flight and queued at a host, reached in a few samples at least."""
    highest = 0.0
    for host in observed.hosts:
        held = np.sort(host.in_flight + host.pending)
        if len(held):
            highest = max(highest, float(held[-min(FEWEST_SAMPLES, len(held))]))
    return highest


def rejections(runs: Sequence[Compared], without_bar: str) -> list[Check]:
    """The figures: how many requests were rejected (open loop), or in which phases and at which
    ceiling (closed loop). `without_bar` says why there is none, where there is none."""
    runs = [one for one in runs if one.share_kept >= SMALLEST_SHARE]
    if not runs:
        note = "less than half of every recording lies outside of stalls"
        name = "requests rejected"
        return [figure("rejections", name, "count", [], [], math.nan, COUNT, note=note)]
    is_open = runs[0].plan.is_open
    left_out = [one.stalls for one in runs]
    if is_open:
        runs, joint = _without_each_other_s_stalls(runs)
        left_out = [joint] * len(runs)
    real = [float(count(one.real, out)) for one, out in zip(runs, left_out, strict=True)]
    simulated = [float(count(one.simulated, out)) for one, out in zip(runs, left_out, strict=True)]
    error = abs(median(real) - median(simulated))
    bar, note = None, without_bar
    if is_open and not without_bar:
        bar = max(COUNT, SHARE * median(real))
        note = f"in the seconds in which none of {len(runs)} recordings stalled"
    elif not without_bar:
        note = "a closed loop is held to its phases and its ceiling"
    total = figure(
        "rejections", "requests rejected", "count", real, simulated, error, bar, note=note
    )
    if is_open or without_bar:
        return [total]
    return [total, _phases(runs), _ceiling(runs)]


def _without_each_other_s_stalls(runs: Sequence[Compared]) -> tuple[list[Compared], Stalls]:
    """The recordings of an open loop that have at least half of their seconds in common, and what
    is left out of all of them.

    Their arrivals are the same, so the same seconds have the same rejections to compare; numbers
    over different seconds would differ by what was left out.
    """
    usable: list[Compared] = []
    joint = Stalls((), 0, 0, 0)
    for one in sorted(runs, key=lambda run: -run.share_kept):
        together = joint | one.stalls
        left_out = together.left_out(one.real.requests.intended_ns)
        if not usable or left_out.mean() <= 1.0 - SMALLEST_SHARE:
            usable.append(one)
            joint = together
    return [one for one in runs if one in usable], joint


def unsuccessful(runs: Sequence[Compared]) -> list[Check]:
    """Requests that timed out or failed otherwise, where there are any; without a bar."""
    checks = []
    for outcome, key, name in (
        (TIMED_OUT, "timeouts", "requests timed out"),
        (FAILED, "errors", "requests failed otherwise"),
    ):
        real = [float(count(one.real, one.stalls, outcome)) for one in runs]
        simulated = [float(count(one.simulated, one.stalls, outcome)) for one in runs]
        if any(real) or any(simulated):
            error = median(simulated) - median(real)
            checks.append(figure(key, name, "count", real, simulated, error, None))
    return checks


def _phases(runs: Sequence[Compared]) -> Check:
    real = [phases_with(one.real, one.plan.scenario, one.stalls) for one in runs]
    simulated = [phases_with(one.simulated, one.plan.scenario, one.stalls) for one in runs]
    different = [float(a != b) for a, b in zip(real, simulated, strict=True)]
    names = [", ".join(phases[0]) or "none" for phases in (real, simulated)]
    return figure(
        "rejection_phases",
        "rejections in other phases",
        "count",
        [float(len(phases)) for phases in real],
        [float(len(phases)) for phases in simulated],
        median(different),
        0.0,
        note=f"values are how many phases; real: {names[0]}; simulated: {names[1]}",
    )


def _ceiling(runs: Sequence[Compared]) -> Check:
    real = [ceiling(one.real) for one in runs]
    simulated = [ceiling(one.simulated) for one in runs]
    errors = [abs(a - b) for a, b in zip(real, simulated, strict=True)]
    name = "ceiling of in flight and queued"
    return figure("ceiling", name, "count", real, simulated, median(errors), CEILING)
