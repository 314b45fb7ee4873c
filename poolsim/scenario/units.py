"""Quantities as people write them: `30s`, `1.2ms`, `20k/s`, `64KiB`, `5%`, `x3`.

Every `parse_...` takes what a YAML file holds (text or a number) and raises `UnitError` with a
sentence that says what to write instead; every `format_...` writes a quantity so that parsing it
gives the same value again. Durations are exact: decimal arithmetic, whole nanoseconds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Context, Decimal

from poolsim.scenario.grouping import ungrouped

NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek mu, which looks the same
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
}
MULTIPLES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}

LONGEST_DURATION_NS = 36_500 * NANOSECONDS["d"]
"""A hundred years: the sum of two such times still fits an int64."""
LARGEST_NUMBER = Decimal(10) ** 15
LARGEST_COUNT = Decimal(2**63)
LONGEST_TEXT = 48

DURATION_PATTERN = r"^\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*(ns|us|µs|μs|ms|s|m|h|d)\s*$"
RATE_PATTERN = (
    r"^\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*[kMG]?/(ns|us|µs|μs|ms|s|m|h|d)\s*$"
)
COUNT_PATTERN = r"^\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*[kMG]?\s*$"
SHARE_PATTERN = r"^\s*\+?(100(\.0*)?|\d{1,2}(\.\d*)?|\.\d+)\s*%\s*$"
HEADROOM_PATTERN = r"^\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*%\s*$"
SIZE_PATTERN = r"^\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*([kMG]|[KMG]i|K)?B\s*$"
BANDWIDTH_PATTERN = r"^\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*[kMG]?bit/s\s*$"
FACTOR_PATTERN = r"^\s*x\s*(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*$"

_QUANTITY = re.compile(
    r"\s*(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(?P<unit>\S.*)?\s*",
    re.ASCII,
)
_CLOCK = re.compile(r"\d{1,3}(:\d{1,2}){1,2}", re.ASCII)
_EXACT = Context(prec=120)


class UnitError(ValueError):
    """A quantity that cannot be read; its text says what to write."""


@dataclass(frozen=True, slots=True)
class ShareOfRun:
    """A time written as a share of the run's duration, such as `50%`."""

    share: Decimal

    def of(self, duration_ns: int) -> int:
        """The time in whole nanoseconds, rounded down."""
        return int(_EXACT.multiply(self.share, Decimal(duration_ns)))


def _shown(value: object) -> str:
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def _split(value: object, what: str, example: str, usual_unit: str = "") -> tuple[Decimal, str]:
    """The number and the unit ("" for none) of a quantity; `usual_unit` is for what to write."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnitError(f"{_shown(value)} is not {what}: write {example}")
    if isinstance(value, float) and math.isinf(value):
        raise UnitError(f"{_shown(value)} is too large for {what}: write {example}")
    text = str(value)
    if len(text) > LONGEST_TEXT:
        raise UnitError(f"{_shown(value)} is too long for {what}: write {example}")
    instead = ungrouped(text, usual_unit)
    if instead:
        raise UnitError(f"{_shown(value)} is not {what} (digits are not grouped): write {instead}")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UnitError(f"{_shown(value)} is not {what}: write {example}")
    return Decimal(match["number"]), (match["unit"] or "").strip()


def _bounded(number: Decimal, value: object, limit: Decimal = LARGEST_NUMBER) -> Decimal:
    """The number itself, once its size is known to be sane (`1e999` must not be expanded)."""
    if number and (number.adjusted() > 30 or abs(number) > limit):
        raise UnitError(f"{_shown(value)} is too large")
    return number


def _plain(number: Decimal) -> str:
    """A decimal without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_duration(value: object) -> int:
    """Nanoseconds of `30s`, `1.2ms`, `250us`, `10ns`, `5m`, `1h`; a bare 0 is 0.

    Raises UnitError for anything else, for less than a nanosecond, for negative times.
    """
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        seconds = 0
        for part in value.split(":"):
            seconds = 60 * seconds + int(part)
        raise UnitError(f"{_shown(value)} is not a duration: write {seconds}s")
    number, unit = _split(value, "a duration", "30s, 1.2ms or 250us")
    if unit not in NANOSECONDS:
        if unit == "" and number == 0:
            return 0
        plain = _plain(abs(number)) if -9 < number.adjusted() < 12 else "30"
        if unit == "":
            raise UnitError(f"{_shown(value)} has no unit: write {plain}s (or {plain}ms)")
        near = _near_unit(unit)
        raise UnitError(f"{_shown(value)} has an unknown unit '{unit}': write {plain}{near}")
    if number < 0:
        raise UnitError(f"{_shown(value)} is negative: a duration is 0s or more")
    _bounded(number, value, Decimal(LONGEST_DURATION_NS) * 10)
    nanoseconds = _EXACT.multiply(number, Decimal(NANOSECONDS[unit]))
    if nanoseconds > LONGEST_DURATION_NS:
        raise UnitError(f"{_shown(value)} is longer than a hundred years")
    if nanoseconds != nanoseconds.to_integral_value():
        raise UnitError(f"{_shown(value)} is finer than a nanosecond: write whole nanoseconds")
    return int(nanoseconds)


def _near_unit(unit: str) -> str:
    """The unit somebody who wrote `unit` probably meant."""
    lower = unit.lower().rstrip(".")
    for beginnings, meant in (
        (("ms", "mil", "msec"), "ms"),
        (("us", "mic", "usec", "µ", "μ"), "us"),
        (("ns", "nan", "nsec"), "ns"),
        (("min", "m"), "m"),
        (("h",), "h"),
        (("d",), "d"),
    ):
        if lower.startswith(beginnings):
            return meant
    return "s"


def format_duration(nanoseconds: int) -> str:
    """A duration in the unit that people would choose: `120s`, `1.2ms`, `12.5us`, `10m`."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 0:
        raise UnitError(f"{nanoseconds}ns is negative")
    hour, minute = NANOSECONDS["h"], NANOSECONDS["m"]
    if nanoseconds % hour == 0:
        return f"{nanoseconds // hour}h"
    if nanoseconds % minute == 0 and nanoseconds >= 5 * minute:
        return f"{nanoseconds // minute}m"
    for unit in ("s", "ms", "us"):
        amount = _EXACT.divide(Decimal(nanoseconds), Decimal(NANOSECONDS[unit]))
        if amount >= 1 and amount == amount.quantize(Decimal("0.001"), context=_EXACT):
            return f"{_plain(amount)}{unit}"
    return f"{nanoseconds}ns"


def parse_number(value: object, what: str = "a number", example: str = "1e3, 20k or 1.5M") -> float:
    """A plain number: `42`, `1e3`, `20k`, `1.5M`."""
    number, unit = _split(value, what, example)
    if unit not in MULTIPLES:
        raise UnitError(f"{_shown(value)} is not {what}: write {example}")
    _bounded(number, value)
    return float(_EXACT.multiply(number, Decimal(MULTIPLES[unit])))


def parse_count(value: object) -> int:
    """A whole number: `42`, `1e3`, `20k`."""
    number, unit = _split(value, "a whole number", "42 or 20k")
    if unit not in MULTIPLES:
        hint = " (a count has no unit)" if unit in NANOSECONDS or unit == "%" else ""
        raise UnitError(f"{_shown(value)} is not a whole number{hint}: write 42 or 20k")
    _bounded(number, value, LARGEST_COUNT)
    whole = _EXACT.multiply(number, Decimal(MULTIPLES[unit]))
    if whole != whole.to_integral_value():
        raise UnitError(f"{_shown(value)} is not a whole number")
    return int(whole)


def parse_rate(value: object) -> float:
    """Events per second of `100/s`, `20k/s`, `1.5M/s`, `90/m`."""
    number, unit = _split(value, "a rate", "100/s or 20k/s", "/s")
    multiple, slash, per = unit.partition("/")
    multiple, per = multiple.strip(), per.strip()
    plain = _plain(abs(number)) if -9 < number.adjusted() < 12 else "100"
    if not slash:
        known = unit if unit in MULTIPLES else ""
        raise UnitError(f"{_shown(value)} is not a rate: write {plain}{known}/s")
    if multiple not in MULTIPLES or per not in NANOSECONDS:
        multiple = multiple if multiple in MULTIPLES else "k" if multiple == "K" else ""
        raise UnitError(f"{_shown(value)} is not a rate: write {plain}{multiple}/s")
    if number < 0:
        raise UnitError(f"{_shown(value)} is negative: a rate is 0/s or more")
    _bounded(number, value)
    amount = _EXACT.multiply(number, Decimal(MULTIPLES[multiple] * NANOSECONDS["s"]))
    return float(_bounded(_EXACT.divide(amount, Decimal(NANOSECONDS[per])), value))


def format_rate(per_second: float) -> str:
    """A rate in requests per second, exact: `20000/s`."""
    return f"{format_number(per_second)}/s"


def format_number(number: float) -> str:
    """A number without exponent that reads back as the same float."""
    return _plain(Decimal(repr(float(number))))


def parse_share(value: object) -> float:
    """A share in 0..1 of `5%`, `0.05`, or of true (1) and false (0)."""
    if isinstance(value, bool):
        return 1.0 if value else 0.0
    number, unit = _split(value, "a share", "5% or 0.05")
    if unit not in ("", "%"):
        raise UnitError(f"{_shown(value)} is not a share: write 5% or 0.05")
    share = _EXACT.scaleb(number, -2) if unit == "%" else number
    if not 0 <= share <= 1:
        hint = f": write {_plain(number)}%" if not unit and 1 < share <= 100 else ""
        raise UnitError(f"{_shown(value)} is not within 0 and 100%{hint}")
    return float(share)


def format_share(share: float) -> str:
    """A share in per cent, exact: `5%`."""
    return f"{_plain(_EXACT.scaleb(Decimal(repr(float(share))), 2))}%"


def parse_size(value: object) -> int:
    """Bytes of `64KiB`, `1MiB`, `512B`."""
    number, unit = _split(value, "a size", "64KiB")
    if unit not in BYTES:
        raise UnitError(f"{_shown(value)} is not a size: write 64KiB, 1MiB or 512B")
    if number < 0:
        raise UnitError(f"{_shown(value)} is negative: a size is 0B or more")
    _bounded(number, value)
    size = _EXACT.multiply(number, Decimal(BYTES[unit]))
    if size != size.to_integral_value():
        raise UnitError(f"{_shown(value)} is not a whole number of bytes")
    return int(size)


def format_size(size: int) -> str:
    """A size in the largest unit that divides it, a decimal one if there is: `128kB`, `64KiB`."""
    for unit in ("GB", "MB", "kB", "GiB", "MiB", "KiB"):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}"
    return f"{size}B"


def parse_bandwidth(value: object) -> int:
    """Bits per second of `1Gbit/s`, `100Mbit/s`; 0 for `unlimited`."""
    if value == "unlimited":
        return 0
    number, unit = _split(value, "a bandwidth", "1Gbit/s or unlimited")
    multiple = unit.removesuffix("bit/s")
    if multiple == unit or multiple not in MULTIPLES:
        raise UnitError(f"{_shown(value)} is not a bandwidth: write 1Gbit/s or unlimited")
    _bounded(number, value)
    bits = _EXACT.multiply(number, Decimal(MULTIPLES[multiple]))
    if bits < 1 or bits != bits.to_integral_value():
        raise UnitError(f"{_shown(value)} is not a whole number of bits per second, 1 or more")
    return int(bits)


def format_bandwidth(bits_per_second: int) -> str:
    """A bandwidth in the largest unit that divides it: `1Gbit/s`."""
    if bits_per_second == 0:
        return "unlimited"
    for unit in ("G", "M", "k"):
        if bits_per_second % MULTIPLES[unit] == 0:
            return f"{bits_per_second // MULTIPLES[unit]}{unit}bit/s"
    return f"{bits_per_second}bit/s"


def is_factor(value: object) -> bool:
    """Whether the text looks like `x3`."""
    return isinstance(value, str) and value.strip().startswith("x")


def parse_factor(value: object) -> float:
    """The factor of `x3`; a bare number is one too."""
    text = value.strip()[1:] if isinstance(value, str) and is_factor(value) else value
    try:
        number, unit = _split(text, "a factor", "x3")
    except UnitError:
        raise UnitError(f"{_shown(value)} is not a factor: write x3") from None
    if unit:
        plain = _plain(number) if unit == "x" and abs(number.adjusted()) < 12 else "3"
        raise UnitError(f"{_shown(value)} is not a factor: write x{plain}")
    if number < 0:
        raise UnitError(f"{_shown(value)} is negative: a factor is 0 or more")
    factor = float(_bounded(number, value))
    assert math.isfinite(factor)
    return factor


def parse_moment(value: object) -> int | ShareOfRun:
    """A time of the run: nanoseconds of `30s`, or a share of the duration of `50%`."""
    if isinstance(value, str) and value.strip().endswith("%"):
        number, unit = _split(value, "a time", "30s or 50%")
        if unit != "%" or not 0 <= number <= 100:
            raise UnitError(f"{_shown(value)} is not a share of the run: write 0% to 100%")
        return ShareOfRun(_EXACT.scaleb(number, -2))
    return parse_duration(value)
