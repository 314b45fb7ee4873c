"""A recording and its simulation, taken apart once for all figures, and how a figure is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from poolsim.fidelity.checks import NOT_HELD, NOT_MEASURABLE, Check, judged, spread_of
from poolsim.fidelity.mechanism.alignment import Alignment, Pair, align
from poolsim.fidelity.mechanism.pools import tells_connections, transitions
from poolsim.fidelity.mechanism.transitions import (
    CLOSED,
    GROWTH,
    RESURRECTED,
    TRASHED,
    Tick,
    Transition,
)
from poolsim.fidelity.observed import Observed
from poolsim.fidelity.plans import Plan
from poolsim.fidelity.recordings import Recording
from poolsim.fidelity.simulated import Simulated
from poolsim.fidelity.stalls import Stalls, find_stalls

TIER = "T2"


@dataclass(frozen=True, slots=True)
class Compared:
    """One recording and its simulation.

    tick: the driver's cleanup, None where the recording does not tell it. real_transitions,
    simulated_transitions: all of them, by host and time.
    """

    recording: Recording
    simulation: Simulated
    stalls: Stalls
    tick: Tick | None
    real_transitions: tuple[Transition, ...]
    simulated_transitions: tuple[Transition, ...]
    alignment: Alignment

    @property
    def plan(self) -> Plan:
        """The plan of both."""
        return self.recording.plan

    @property
    def real(self) -> Observed:
        """What the recording saw."""
        return self.recording.observed

    @property
    def simulated(self) -> Observed:
        """What the simulation gave."""
        return self.simulation.observed

    @property
    def share_kept(self) -> float:
        """Share of the recording's requests that lie in no stall."""
        intended = self.real.requests.intended_ns
        return float(1.0 - self.stalls.left_out(intended).mean()) if len(intended) else 0.0

    def pairs(self, *kinds: str) -> list[Pair]:
        """Transitions of some kinds that answer to each other, outside of stalls."""
        return [pair for pair in self.alignment.pairs if pair.real.kind in kinds]

    def count(self, transitions: Sequence[Transition], kind: str) -> int:
        """How many of the transitions are of a kind, outside of stalls."""
        return sum(one.kind == kind and not self.stalls.concern(one.at_ns) for one in transitions)


def compared(recording: Recording, simulation: Simulated, growth_has_no_bar: bool) -> Compared:
    """Take a recording and its simulation apart."""
    plan = recording.plan
    first = recording.first_cleanup_ns
    tick = Tick(first) if first is not None else None
    stalls = find_stalls(recording)
    from_events = tells_connections(recording.observed)
    core, every_ns = plan.client.options.local.core, plan.sample_every_ns
    real, simulated = (
        tuple(transitions(observed, tick, every_ns, core, from_events=from_events))
        for observed in (recording.observed, simulation.observed)
    )
    # Where growth has no bar, neither has what undoes it.
    ignored = (GROWTH, TRASHED, CLOSED, RESURRECTED) if growth_has_no_bar else ()
    alignment = align(real, simulated, stalls, ignored)
    return Compared(recording, simulation, stalls, tick, real, simulated, alignment)


def figure(
    key: str,
    name: str,
    unit: str,
    real: Sequence[float],
    simulated: Sequence[float],
    error: float,
    bar: float | None,
    spread: float | None = None,
    note: str = "",
) -> Check:
    """A figure of the second tier; its spread is that of the real values unless it is given."""
    between = spread_of(real, relative=False) if spread is None else spread
    return Check(
        tier=TIER,
        key=key,
        figure=name,
        unit=unit,
        real=tuple(real),
        simulated=tuple(simulated),
        error=error,
        bar=bar,
        is_relative=False,
        spread=between,
        verdict=judged(error, bar, between),
        note=note,
    )


def without_pairs(
    runs: Sequence[Compared], kind: str, key: str, name: str, unit: str, bar: float
) -> Check:
    """The figure where no transition of a kind has a partner.

    Not held where one side has such transitions and the other not; where neither has any, the plan
    asks for what does not happen, and that must not pass for agreement.
    """
    real = [float(one.count(one.real_transitions, kind)) for one in runs]
    simulated = [float(one.count(one.simulated_transitions, kind)) for one in runs]
    happened = sum(real) + sum(simulated) > 0
    counts = f"{kind}: {sum(real):.0f} real, {sum(simulated):.0f} simulated outside of stalls"
    return Check(
        tier=TIER,
        key=key,
        figure=name,
        unit=unit,
        real=(),
        simulated=(),
        error=math.inf if happened else math.nan,
        bar=bar,
        is_relative=False,
        spread=0.0,
        verdict=NOT_HELD if happened else NOT_MEASURABLE,
        note=f"none has a partner ({counts})" if happened else f"none happened ({counts})",
    )


def spread_by_place(rows: Sequence[Sequence[float]]) -> float:
    """The largest spread of what stands at one place of the recordings' lists."""
    places = min(len(row) for row in rows)
    columns = [[row[i] for row in rows] for i in range(places)]
    return max((spread_of(column, relative=False) for column in columns), default=0.0)
