"""How the plots look: palette, measures, ticks.

Colours follow Okabe and Ito ("Color Universal Design", 2008), which people with any colour vision
can tell apart; every role has a value of its own, so that the HTML report can replace it by one
that suits a dark page.
"""

from __future__ import annotations

import math

from poolsim.report.units import plain, quantity, shorten

INK = "#1b2430"
MUTED = "#5a6675"
GRID = "#e3e7ec"
ACTIVE = "#9cc9e6"
ACTIVE_EDGE = "#0072b2"
TRASHED = "#b9c0c9"
CONNECTING = "#e69f00"
LOAD = "#1b2431"
LEVEL = "#8a4b9e"
QUEUE = "#cc79a7"
QUEUE_TEXT = "#a84f81"
REJECTED = "#d55e00"
MEDIAN = "#56b4e9"
MEDIAN_TEXT = "#2b88bd"
TAIL = "#0072b3"
MAXIMUM = "#8f99a5"
REQUESTS = "#7fc4ad"
GOOD = "#009e73"
FAULT = "#d55e02"
QUIET = "#8f99a6"

DARK = {
    INK: "#e6ebf1",
    MUTED: "#9aa7b6",
    GRID: "#2c3643",
    ACTIVE: "#235a80",
    ACTIVE_EDGE: "#62b4ea",
    TRASHED: "#566170",
    CONNECTING: "#f0b429",
    LOAD: "#f4f7fa",
    LEVEL: "#c792dd",
    QUEUE: "#b86a97",
    QUEUE_TEXT: "#e093bf",
    REJECTED: "#ff8a3d",
    MEDIAN: "#8fd0f5",
    MEDIAN_TEXT: "#8fd0f6",
    TAIL: "#4aa8e8",
    MAXIMUM: "#7d8896",
    REQUESTS: "#2f7f69",
    GOOD: "#35c497",
    FAULT: "#ff8a3e",
    QUIET: "#7d8897",
}
"""What each colour becomes on a dark page."""

HEAT = ("#eef2f6", "#a8cce6", "#4d97c9", "#0b5f9e", "#082f57")
"""From nothing to much, evenly in lightness."""

WIDTH = 1080.0
LEFT = 92.0
RIGHT = 148.0
"""Measures in pixels; the right margin holds the labels of lines."""

FONT_SIZE = 12.0
SMALL = 11.0
CHARACTER = 6.3
"""Pixels that a character of the size FONT_SIZE takes, about."""

DASHED = (0, (5, 3))
DOTTED = (0, (2, 2))

_TICK_STEPS_S = (
    *(factor * 10.0**power for power in range(-6, 0) for factor in (1, 2, 5)),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400),
)


def time_ticks(end_s: float, most: int) -> list[float]:
    """At most about `most` round times from 0 to the end."""
    step = next((one for one in _TICK_STEPS_S if end_s / one <= most), end_s / most)
    return [number * step for number in range(int(end_s / step + 1e-9) + 1)]


def clock(time_s: float, end_s: float) -> str:
    """A time of the run on the axis: `15s`, in runs of more than 3 minutes `2:30`.

    >>> clock(15, 60), clock(150, 300), clock(3661, 40_000)
    ('15s', '2:30', '1:01:01')
    """
    if end_s <= 180:
        return "0" if time_s == 0 else f"{time_s:g}s" if time_s >= 1 else quantity(time_s, "s", 1)
    minutes, seconds = divmod(round(time_s), 60)
    if end_s < 36_000:
        return f"{minutes}:{seconds:02}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def value_ticks(top: float, most: int) -> list[float]:
    """At most about `most` round values above 0, and 0."""
    step = round_step(top, most)
    return [number * step for number in range(int(top / step + 1e-9) + 1)]


def round_step(top: float, most: int) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that divides `top` into at most `most`."""
    power = math.floor(math.log10(top / most)) if top > 0 else 0
    for factor in (1, 2, 5, 10):
        step = factor * 10.0**power
        if top / step <= most + 0.5:
            return step
    return 10.0 ** (power + 1)


def compact(value: float, unit: str) -> str:
    """A tick's label: `500`, `20k`, `1.5M`, `20k/s`."""
    per = "/s" if unit == "1/s" else ""
    for step, sign, from_value in ((1e6, "M", 1e6), (1e3, "k", 1e4)):
        if abs(value) >= from_value:
            return f"{value / step:g}{sign}{per}"
    return f"{value:,.0f}{per}" if float(value).is_integer() else f"{value:g}{per}"


def name(text: str, limit: int = 22) -> str:
    """A name from the scenario as plots show it."""
    return shorten(plain(text), limit)
