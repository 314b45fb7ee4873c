"""Loads of a random scenario: every kind, with phases, for about so many requests.

Open loads get the rate that makes the number wanted. Closed loads get the window or the number of
users that makes more as long as all is well, because they slow down when it is not; after an error
they pause for so long that errors alone could not make many more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from poolsim.fidelity.generator.dice import Dice
from poolsim.fidelity.generator.laws import draw_law
from poolsim.model.laws.levels import pieces
from poolsim.scenario.entries import LOAD_KINDS
from poolsim.scenario.scenario import Load, Phase

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
_MOST_OF_A_CLOSED_LOOP = 3_600


@dataclass(frozen=True, slots=True)
class Demand:
    """What a load is drawn for.

    `latency_ns`: a request's, where nothing goes wrong; `open`: requests must go on coming when
    others fail; `stepwise`: levels should rise and fall; `large`: bursts should be; `at_once`: how
    many requests should come at once, 0 where it does not matter; `early_percent`: in which part of
    the run all should come, from its begin, 0 where it does not matter; `late`: how many of them
    should come later than that, but still in the first half of the run.
    """

    requests: int
    duration_ns: int
    latency_ns: int
    open: bool
    stepwise: bool
    large: bool
    at_once: int
    early_percent: int
    late: int

    @property
    def under_way(self) -> int:
        """Requests under way on average (Little's law), at least 1."""
        return max(1, -(-self.requests * self.latency_ns // self.duration_ns))


def draw_load(dice: Dice, demand: Demand) -> Load:
    """A load of any kind."""
    kinds = [kind for kind in LOAD_KINDS if kind in _LOADS]
    if demand.early_percent:
        return _early(dice, demand)
    if demand.at_once:
        return _bursts(dice, demand)
    if demand.open:
        kinds = [kind for kind in kinds if kind not in _CLOSED]
    if demand.stepwise and dice.yes(60):
        kinds = [kind for kind in kinds if kind in _WITH_LEVELS]
    return _LOADS[dice.one_of(kinds)](dice, demand)


# Levels -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shape:
    """Phases of a load whose base level is 1, and the mean level that they make."""

    phases: tuple[Phase, ...]
    mean: float

    def scaled(self, base: float, kind: str = "", digits: int | None = None) -> tuple[Phase, ...]:
        """The phases for a base level; `kind` replaces theirs, `digits` None makes whole levels."""
        return tuple(
            Phase(
                phase.name,
                kind or phase.kind,
                phase.at_ns,
                phase.for_ns,
                float(round(base * phase.value, digits)),
            )
            for phase in self.phases
        )


def _shape(dice: Dice, demand: Demand, with_ramps: bool) -> _Shape:
    """Up to four phases that rise or fall, one after another, with and without gaps."""
    count = dice.whole(2, 4) if demand.stepwise else dice.one_of((0, 0, 1, 2))
    slot_ns = demand.duration_ns // (count + 1)
    phases = []
    for k in range(count):
        at_ns = (k + 1) * slot_ns - dice.whole(0, slot_ns // 2)
        length_ns = dice.one_of((slot_ns // 8, slot_ns // 4, slot_ns // 2))
        level = dice.one_of((0.0, 0.2, 0.5, 2.0, 3.0, 6.0))
        if with_ramps and dice.yes(30):
            phases.append(Phase(f"phase{k + 1}", "ramp", at_ns, length_ns, level))
        else:
            until_next = dice.yes(20)
            for_ns = 0 if until_next else length_ns
            phases.append(Phase(f"phase{k + 1}", "rate", at_ns, for_ns, level))
    area = sum(
        (piece.level + piece.end_level) / 2 * (piece.end_ns - piece.begin_ns)
        for piece in pieces(1.0, tuple(phases), demand.duration_ns)
    )
    return _Shape(tuple(phases), max(area / demand.duration_ns, 0.05))


# Open loads ---------------------------------------------------------------------------------------


def _with_rate(kind: str) -> Callable[[Dice, Demand], Load]:
    def draw(dice: Dice, demand: Demand) -> Load:
        shape = _shape(dice, demand, with_ramps=True)
        rate = demand.requests / (demand.duration_ns / SECOND_NS) / shape.mean
        rate = max(round(rate, 3), 0.001)
        return Load(kind, rate=rate, phases=shape.scaled(rate, digits=3))

    return draw


def _early(dice: Dice, demand: Demand) -> Load:
    """Even arrivals at first, few or none until the half of the run, and none after it."""
    half_ns = demand.duration_ns // 2
    early_ns = demand.duration_ns * demand.early_percent // 100
    rate = round((demand.requests - demand.late) / (early_ns / SECOND_NS), 3)
    phases = [Phase("phase1", "rate", half_ns, 0, 0.0)]
    if demand.late:
        low = round(demand.late / ((half_ns - early_ns) / SECOND_NS), 3)
        phases = [
            Phase("phase1", "rate", early_ns, 0, low),
            Phase("phase2", "rate", half_ns, 0, 0.0),
        ]
    return Load(dice.one_of(("poisson", "uniform")), rate=rate, phases=tuple(phases))


def _bursts(dice: Dice, demand: Demand) -> Load:
    size = dice.whole(130, 500) if demand.large else dice.spread(3, 400)
    size = min(demand.at_once or size, demand.requests)
    bursts = -(-demand.requests // size)
    first_ns = dice.whole(0, demand.duration_ns // 4)
    every_ns = (demand.duration_ns - first_ns) // (bursts + 1)
    return Load("bursts", size=size, every_ns=every_ns if bursts > 1 else 0, first_ns=first_ns)


def _trace(dice: Dice, demand: Demand) -> Load:
    """Times with and without ties, dense and sparse stretches."""
    grain_ns = dice.one_of((1, MILLISECOND_NS, 100 * MILLISECOND_NS))
    span_ns = demand.duration_ns * 9 // 10
    centres = [dice.whole(0, span_ns) for _ in range(dice.whole(1, 12))]
    times = []
    for _ in range(demand.requests):
        if dice.yes(50):
            time_ns = dice.whole(0, span_ns)
        else:
            time_ns = dice.one_of(centres) + dice.whole(0, demand.duration_ns // 20)
        times.append(time_ns // grain_ns * grain_ns)
    services: tuple[int, ...] = ()
    if dice.yes(50):
        longest_ns = max(2 * demand.latency_ns, 2)
        services = tuple(dice.whole(1, longest_ns) for _ in times)
    keys = tuple(dice.whole(0, 50) for _ in times) if dice.yes(50) else ()
    return Load("trace", times_ns=tuple(sorted(times)), services_ns=services, keys=keys)


# Closed loads -------------------------------------------------------------------------------------


def _with_margin(demand: Demand) -> Demand:
    """What a closed loop is made for, so that it ends enough requests in bad times, too."""
    wanted = min(demand.requests * 7 // 4, _MOST_OF_A_CLOSED_LOOP)
    return replace(demand, requests=max(demand.requests, wanted))


def _closed(dice: Dice, demand: Demand) -> Load:
    demand = _with_margin(demand)
    shape = _shape(dice, demand, with_ramps=False)
    wanted = demand.requests * demand.latency_ns / demand.duration_ns / shape.mean
    window = round(wanted)
    if window < 1:  # even one would make too many
        return _thinking(dice, demand, shape)
    return Load(
        "closed",
        window=window,
        error_pause_ns=_error_pause(dice, demand, window),
        phases=shape.scaled(window, "window"),
    )


def _users(dice: Dice, demand: Demand) -> Load:
    demand = _with_margin(demand)
    return _thinking(dice, demand, _shape(dice, demand, with_ramps=False))


def _thinking(dice: Dice, demand: Demand, shape: _Shape) -> Load:
    fewest = int(demand.requests * demand.latency_ns / demand.duration_ns / shape.mean) + 1
    # Half as many again at least: users who only meet errors spend all their time thinking.
    count = fewest * 3 // 2 + dice.spread(1, 60)
    cycle_ns = count * shape.mean * demand.duration_ns / demand.requests
    return Load(
        "users",
        count=count,
        think=draw_law(dice, max(int(cycle_ns) - demand.latency_ns, MILLISECOND_NS)),
        error_pause_ns=_error_pause(dice, demand, count),
        phases=shape.scaled(count, "users"),
    )


def _error_pause(dice: Dice, demand: Demand, level: int) -> int:
    shortest_ns = level * demand.duration_ns // demand.requests
    return max(shortest_ns * dice.one_of((50, 100)) // 100 // MILLISECOND_NS, 1) * MILLISECOND_NS


_LOADS: dict[str, Callable[[Dice, Demand], Load]] = {
    "poisson": _with_rate("poisson"),
    "uniform": _with_rate("uniform"),
    "bursts": _bursts,
    "closed": _closed,
    "users": _users,
    "trace": _trace,
}
_CLOSED = ("closed", "users")
_WITH_LEVELS = ("poisson", "uniform", "closed", "users")
