"""Numbers for people: SI values become 12.31ms, 20.0k/s, 4.2%; names lose what terminals obey."""

from __future__ import annotations

import math
import unicodedata

from poolsim.estimation.results import Estimate

NO_BREAK = "\u00a0"
"""Joins a number and its unit, so that no line ends between them."""

TIMES = "\u00d7"
"""The sign of multiplication."""

MISSING = "\u2013"
"""Stands where there is no value."""

DURATION_STEPS = (
    (1e-9, "ns"),
    (1e-6, "µs"),
    (1e-3, "ms"),
    (1.0, "s"),
    (60.0, "min"),
    (3600.0, "h"),
)
"""Seconds a unit, and its sign. Minutes start at 10 min: up to there seconds read better."""

SIZE_STEPS = ((1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"))

RATE_STEPS = ((1.0, "/s"), (1e3, "k/s"), (1e6, "M/s"))


def significant(value: float, digits: int) -> str:
    """`value` with so many significant digits, thousands apart, without exponent.

    >>> significant(1234.567, 3), significant(0.012345, 3)
    ('1,235', '0.0123')
    """
    if value == 0:
        return "0"
    # Rounded first: 9.996 with three digits is 10.0, not 10.00.
    rounded = float(f"{value:.{digits - 1}e}")
    return f"{rounded if abs(rounded) < 10**digits else value:,.{decimals_for(rounded, digits)}f}"


def decimals_for(value: float, digits: int) -> int:
    """Decimals that show so many significant digits of a finite `value` other than 0."""
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))


def scale(value: float, unit: str) -> tuple[float, str]:
    """Factor and sign of the unit in which people read `value` of `unit` (s, 1/s, share, count,
    B)."""
    size = abs(value)
    if unit == "s":
        chosen = (1.0, "s")
        for step, sign in DURATION_STEPS:
            # A value that rounding lifts to 1,000 of a unit belongs to the next one.
            if size >= step * (10 if sign in ("min", "h") else 0.9995):
                chosen = (step, sign)
        return chosen if size >= 0.9995e-9 else (1.0, "s")
    if unit == "1/s":
        chosen = RATE_STEPS[0]
        for step, sign in RATE_STEPS:
            # 9,999/s still reads well; 9,999k/s does not.
            if size >= step * (10 if sign == "k/s" else 0.9995):
                chosen = (step, sign)
        return chosen
    if unit == "share":
        return (0.01, "%")
    if unit == "B":
        return next(
            (step for step in reversed(SIZE_STEPS) if size >= step[0] * 0.9995), SIZE_STEPS[0]
        )
    return (1.0, "")


def quantity(value: float | None, unit: str, digits: int = 3, space: str = "") -> str:
    """`value` of `unit` (s, 1/s, share, count) for people, a dash where there is none.

    >>> quantity(0.01231, "s", 4), quantity(20_000, "1/s"), quantity(0.05, "share")
    ('12.31ms', '20.0k/s', '5.00%')
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "never" if unit == "s" else "unlimited"
    step, sign = scale(value, unit)
    scaled = value / step
    whole = unit == "count" and float(scaled).is_integer()
    number = f"{scaled:,.0f}" if whole else significant(scaled, digits)
    if sign.startswith("/") and scaled >= 1000:
        number = f"{scaled:,.0f}"
    return f"{number}{space if sign and scaled else ''}{sign if scaled else ''}"


def setting(seconds: float) -> str:
    """A time that somebody chose, as short as it can be said: `500ms`, `1s`, `300s`."""
    step, sign = scale(seconds, "s")
    return f"{seconds / step:g}{sign}" if seconds else "0s"


def interval(estimate: Estimate, plus_minus: str = "±") -> str:
    """Mean and half-width in the mean's unit: `12.31ms ± 0.20`, the mean alone without interval."""
    mean, half_width = estimate.mean, estimate.half_width
    if math.isnan(half_width) or not math.isfinite(mean) or half_width <= 0:
        return quantity(mean, estimate.unit, 4)
    step, sign = scale(mean if mean else half_width, estimate.unit)
    decimals = min(decimals_for(half_width / step, 2), 6)
    return f"{mean / step:,.{decimals}f}{sign} {plus_minus} {half_width / step:,.{decimals}f}"


def estimate_text(estimate: Estimate, plus_minus: str = "±") -> str:
    """An estimate with its evidence: `12.31ms ± 0.20 (95 %, 10 runs)`, `12.31ms (1 run)`."""
    runs = "1 run" if estimate.count == 1 else f"{estimate.count:,} runs"
    if math.isnan(estimate.mean):
        return f"no value ({runs})"
    if estimate.count == 1 or not math.isfinite(estimate.mean):
        return f"{interval(estimate, plus_minus)} ({runs})"
    if math.isnan(estimate.half_width):
        return f"{interval(estimate, plus_minus)} ({runs}, no interval)"
    shown = interval(estimate, plus_minus)
    if estimate.half_width == 0:
        shown += f" {plus_minus} 0"
    return f"{shown} (95 %, {runs})"


def instant(seconds: float) -> str:
    """A time of the run in prose, `12.0 s`, that no line break divides."""
    if not math.isfinite(seconds):
        return "the end"
    return f"{seconds:,.1f}{NO_BREAK}s"


def counted(number: float, noun: str, plural: str = "") -> str:
    """`1 connection`, `5 connections`, `4.6 connections`."""
    text = f"{number:,.0f}" if float(number).is_integer() else significant(number, 2)
    return f"{text}{NO_BREAK}{noun if number == 1 else plural or noun + 's'}"


def plain(text: str) -> str:
    r"""`text` without characters that a terminal or browser obeys rather than shows.

    Control characters, overrides of the writing direction and lone surrogates (Unicode classes
    Cc, Cf, Cs) become their escape, `\x1b`; a name from a file must not repaint the screen.
    """
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in ("Cc", "Cf", "Cs")
        else character
        for character in text
    )


def shorten(text: str, limit: int) -> str:
    """`text`, its middle replaced by … where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"
