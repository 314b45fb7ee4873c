"""What was asked of poolsim's speed, and whether a report's figures meet it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.compare import Measured, ratios
from benchmarks.growth import Grown
from benchmarks.pairs import Compared
from benchmarks.start import Start

SIMPY_ENGINE = "poolsim, SimPy engine"
COMPILED_ENGINE = "poolsim, compiled engine"
EVENT_STYLE = "cimba, events on recycled slots"
C_LOOP = "C by hand, node as a recursion"


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure, what it should be, and whether it is; `text` is the figure as it is shown."""

    name: str
    text: str
    limit: str
    is_met: bool


def _median(of: str, to: str, measured: list[Measured]) -> float | None:
    """How many times as fast one program is as another, None where one of them did not run."""
    by_name = {one.program.name: one for one in measured}
    if of not in by_name or to not in by_name:
        return None
    return statistics.median(ratios(by_name[of], by_name[to]))


def _at_least(name: str, value: float | None, limit: float) -> list[Bar]:
    if value is None:
        return []
    return [Bar(name, f"{value:.3g}", f"at least {limit:g}", value >= limit)]


def _at_most(name: str, value: float, limit: float, unit: str = "") -> Bar:
    return Bar(name, f"{value:.3g}{unit}", f"at most {limit:g}{unit}", value <= limit)


def bars(
    on_w: list[Measured],
    pairs: list[Compared],
    grown: list[Grown],
    start: Start,
    memory_ratio: float,
) -> list[Bar]:
    """Every bar of which there are figures."""
    plain = on_w[0].program.name
    found = [
        *_at_least(f"W: compiled engine / {plain}", _median(COMPILED_ENGINE, plain, on_w), 45),
        *_at_least(
            "W: compiled engine / cimba's event style",
            _median(COMPILED_ENGINE, EVENT_STYLE, on_w),
            1,
        ),
        *_at_least(
            "W: compiled engine / C by hand (an aim)", _median(COMPILED_ENGINE, C_LOOP, on_w), 0.5
        ),
        *_at_least(f"W: SimPy engine / {plain}", _median(SIMPY_ENGINE, plain, on_w), 1.5),
    ]
    for one in pairs:
        side = "at least" if one.pair.at_least else "at most"
        text = f"{one.median:.3g}"
        found.append(Bar(one.pair.name, text, f"{side} {one.pair.limit:g}", one.is_met))
    largest = max((one for one in grown if one.point.curve == "requests"), key=lambda g: g.point.at)
    megabytes = largest.peak_bytes / 1e6
    name = f"peak memory of {largest.point.at:,} requests, compiled engine"
    found.append(_at_most(name, megabytes, 400, " MB"))
    name = "peak memory of 1,000,000 requests / of 100,000, SimPy engine"
    found.append(_at_most(name, memory_ratio, 1.1))
    alone = max(s for drivers, s in start.compilation_s.items() if len(drivers) == 1)
    together = max(start.compilation_s.values())
    later = start.start_s["compiled"] - start.start_s["simpy"]
    found += [
        _at_most("first compilation, one driver", alone, 40, " s"),
        _at_most("first compilation, all drivers", together, 150, " s"),
        _at_most("a start of the compiled engine, more than SimPy's", later, 1, " s"),
    ]
    return found
