"""Holds a plan's recordings against their simulations, transition by transition."""

from __future__ import annotations

from collections.abc import Sequence

from poolsim.fidelity.checks import Check, median
from poolsim.fidelity.mechanism.cleanup import resurrection, ticks
from poolsim.fidelity.mechanism.compared import compared
from poolsim.fidelity.mechanism.growth import growth, peak
from poolsim.fidelity.mechanism.order import order
from poolsim.fidelity.mechanism.queued_growth import NOTE, stood_still, stood_still_s
from poolsim.fidelity.mechanism.reconnections import reconnections
from poolsim.fidelity.mechanism.rejections import rejections, unsuccessful
from poolsim.fidelity.mechanism.replacements import replacements
from poolsim.fidelity.mechanism.transitions import CLOSED, TRASHED
from poolsim.fidelity.recordings import Recording
from poolsim.fidelity.simulated import Simulated


def compare_mechanism(runs: Sequence[tuple[Recording, Simulated]]) -> list[Check]:
    """The figures of the second tier that a plan asks for, over its recordings."""
    without_bar = NOTE if _can_grow_while_queued(runs) else ""
    taken = [compared(recording, simulation, bool(without_bar)) for recording, simulation in runs]
    asked = taken[0].plan.compare
    checks = [order(taken)]
    # What lies in stalls for the most part is to be made again, and no evidence of anything.
    taken = [one for one in taken if one.alignment.is_usable]
    if not taken:
        return checks
    pooling = taken[0].plan.client.options.local
    if pooling.max > pooling.core and not without_bar:
        if "growth" in asked:
            checks.append(growth(taken))
        if "trash" in asked:
            checks += ticks(taken, TRASHED)
        if "close" in asked:
            checks += ticks(taken, CLOSED)
        if "resurrection" in asked:
            checks.append(resurrection(taken))
    if "peak" in asked or "growth" in asked:
        checks.append(peak(taken, without_bar))
    if "rejections" in asked:
        checks += rejections(taken, without_bar)
    checks += unsuccessful(taken)
    checks += replacements(taken)
    if "reconnection" in asked:
        checks += reconnections(taken)
    if without_bar:
        checks.append(stood_still(taken))
    return checks


def _can_grow_while_queued(runs: Sequence[tuple[Recording, Simulated]]) -> bool:
    """Whether pools below their maximum had a queue, in the median of the recordings."""
    plan = runs[0][0].plan
    still = [
        max(
            stood_still_s(observed, plan.client, plan.sample_every_ns)
            for observed in (recording.observed, simulation.observed)
        )
        for recording, simulation in runs
    ]
    return median(still) > 0
