"""Laws of durations around a mean."""

from __future__ import annotations

from collections.abc import Callable

from poolsim.fidelity.generator.dice import Dice
from poolsim.scenario.resolve_laws import LAW_KINDS
from poolsim.scenario.scenario import Law


def draw_law(dice: Dice, mean_ns: int) -> Law:
    """A law of any kind whose mean is about `mean_ns` (at least 1)."""
    kind = dice.one_of([kind for kind in LAW_KINDS if kind in _LAWS])
    return _LAWS[kind](dice, max(1, mean_ns))


def _constant(_dice: Dice, mean_ns: int) -> Law:
    return Law("constant", mean_ns=mean_ns)


def _exponential(_dice: Dice, mean_ns: int) -> Law:
    return Law("exponential", mean_ns=mean_ns)


def _lognormal(dice: Dice, mean_ns: int) -> Law:
    median_ns = max(1, mean_ns * dice.whole(50, 95) // 100)
    return Law("lognormal", median_ns=median_ns, p99_ns=median_ns * dice.whole(2, 12))


def _gamma(dice: Dice, mean_ns: int) -> Law:
    return Law("gamma", mean_ns=mean_ns, shape=dice.one_of((0.5, 1.0, 2.5, 20.0)))


def _percentiles(dice: Dice, mean_ns: int) -> Law:
    p50, p99 = max(1, mean_ns * dice.whole(50, 95) // 100), mean_ns * dice.whole(2, 6)
    tail = ((0.999, p99 * dice.whole(1, 4)),) if dice.yes(50) else ()
    return Law("percentiles", points=((0.5, p50), (0.99, p99), *tail))


def _empirical(dice: Dice, mean_ns: int) -> Law:
    sizes = sorted(dice.spread(1, 100) for _ in range(dice.whole(1, 30)))
    samples = [max(1, mean_ns * size * len(sizes) // sum(sizes)) for size in sizes]
    return Law("empirical", samples_ns=tuple(samples))


_LAWS: dict[str, Callable[[Dice, int], Law]] = {
    "constant": _constant,
    "exponential": _exponential,
    "lognormal": _lognormal,
    "gamma": _gamma,
    "percentiles": _percentiles,
    "empirical": _empirical,
}
