"""What a random scenario is about, drawn first: everything else is made to fit.

A scenario has few requests, so that thousands of scenarios can be run, but as much model time as
timers, cleanups and reconnections need. What decides how hard it is for the pools is how many
requests are under way at a time; the mean service time follows from that (Little's law), and is
often seconds where it would be milliseconds in life. Rules know no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.fidelity.generator.dice import Dice

SECOND_NS = 1_000_000_000

EVERYDAY = "everyday"
GROWTH = "growth"  # the load rises and falls across the thresholds of small pools
STARVATION = "starvation"  # few stream ids, held by requests that timed out
STORM = "storm"  # more load than the pools or the nodes take
SILENCE = "silence"  # nodes that freeze, found out by heartbeats and timeouts
RESTARTS = "restarts"  # nodes that stop and start again, also within a network delay
DISTANCE = "distance"  # several datacenters, the near one in trouble
CHANGES = "changes"  # options set at runtime
EXHAUSTION = "exhaustion"  # even the 32,768 stream ids of a connection run out
THEMES = (
    EVERYDAY,
    GROWTH,
    STARVATION,
    STARVATION,
    STORM,
    SILENCE,
    RESTARTS,
    DISTANCE,
    DISTANCE,
    CHANGES,
)
"""Two of these make most scenarios; exhaustion, which takes many requests, stands alone."""

ORPHANS = "orphans"  # by requests that time out
SATURATION = "saturation"  # by requests in flight, and then the connection breaks
ABANDONMENT = "abandonment"  # by orphans, and the pool is shut while the trash is in use
_EXHAUSTIONS = (ORPHANS, SATURATION, SATURATION, ABANDONMENT, ABANDONMENT)
"""How the stream ids run out: the second theme of such a scenario."""

_EXHAUSTING = {
    ORPHANS: (25_300, 26_500),
    SATURATION: (33_000, 33_600),
    ABANDONMENT: (26_300, 26_900),
}
"""About so many requests that takes, at least and at most."""

_DURATIONS_S = (30, 40, 60, 60, 90, 120, 120, 180, 240, 300)
_SHORT_DURATIONS_S = (30, 40, 60)
FEWEST_REQUESTS = 1_700
MOST_REQUESTS = 2_600
_LONGEST_SERVICE_NS = 20 * SECOND_NS
_EXHAUSTION_PERCENT = 6


@dataclass(frozen=True, slots=True)
class Outline:
    """The size of a scenario and its themes.

    `requests`: about how many will be made. `under_way_percent`: how many of them the nodes work
    on at a time, on average, in hundredths. `service_ns`: the mean service time that this takes.
    """

    themes: tuple[str, ...]
    duration_ns: int
    requests: int
    under_way_percent: int
    service_ns: int


def draw_outline(dice: Dice) -> Outline:
    """One or two themes, and a size."""
    if dice.yes(_EXHAUSTION_PERCENT):
        return _exhaustion(dice)
    themes = (dice.one_of(THEMES), dice.one_of(THEMES))
    duration_ns = dice.one_of(_DURATIONS_S) * SECOND_NS
    if SILENCE in themes and dice.yes(60):
        # Often enough for a host that answers nothing to stand out within 200 ms.
        duration_ns = dice.one_of(_SHORT_DURATIONS_S) * SECOND_NS
    if dice.yes(30):  # an end that coincides with nothing
        duration_ns += dice.whole(1, SECOND_NS)
    requests = dice.whole(FEWEST_REQUESTS, MOST_REQUESTS)
    if STARVATION in themes:
        under_way, requests = dice.whole(130, 240) * 100, requests * 3 // 2
    elif GROWTH in themes:
        under_way = dice.whole(6, 120) * 100
    elif SILENCE in themes:
        under_way = dice.spread(600, 12_000)
    else:
        under_way = dice.spread(4, 12_000)
    service_ns = under_way * duration_ns // (100 * requests)
    return Outline(themes, duration_ns, requests, under_way, min(service_ns, _LONGEST_SERVICE_NS))


def _exhaustion(dice: Dice) -> Outline:
    """More requests than a connection may have orphans, or than it has stream ids, all due before
    the first response."""
    way = dice.one_of(_EXHAUSTIONS)
    fewest, most = _EXHAUSTING[way]
    requests = dice.whole(fewest, most)
    duration_ns = dice.one_of((60, 90, 120)) * SECOND_NS
    service_ns = duration_ns * dice.whole(55, 65) // 100
    return Outline((EXHAUSTION, way), duration_ns, requests, requests * 100, service_ns)
