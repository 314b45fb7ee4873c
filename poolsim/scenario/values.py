"""Lists and ranges of values as people write them: `64,128,256`, `1..8`, `1k..40k log 12`.

A range has two ends of one kind (counts, durations, rates, shares, factors) and says how it goes
from one to the other: by ones where nothing is said, `step 5ms`, so many values evenly spaced
(`linear 5`) or so many in equal ratios (`log 12`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from poolsim.scenario import units
from poolsim.scenario.grouping import torn, ungrouped

MOST_VALUES = 1_000
"""Of one parameter."""

_RANGE = re.compile(
    r"(?P<low>[^\s{}\[\]'\"]+?)\.\.(?P<high>[^\s{}\[\]'\"]+)"
    r"(?:\s+(?P<way>[a-z]+)\s+(?P<amount>\S+))?"
)
_SHORT_DIGITS, _LONG_DIGITS = 3, 9
_OPENING, _CLOSING = "[{(", "]})"


class ValuesError(ValueError):
    """Values that cannot be read: what to write, and at which character (from 0)."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of quantity: `read` gives a number in its own unit, `write` what a file would hold."""

    name: str
    read: Callable[[str], float]
    write: Callable[[float], str]
    is_whole: bool
    si: float
    """Factor from its own unit to SI: seconds, per second, shares, counts."""


def _write_count(number: float) -> str:
    return units.format_number(number)


KINDS = (
    Kind("counts", units.parse_number, _write_count, False, 1.0),
    Kind("durations", units.parse_duration, lambda ns: units.format_duration(int(ns)), True, 1e-9),
    Kind("rates", units.parse_rate, units.format_rate, False, 1.0),
    Kind("shares", units.parse_share, units.format_share, False, 1.0),
    Kind(
        "factors",
        lambda text: units.parse_factor(_factor(text)),
        lambda number: f"x{units.format_number(number)}",
        False,
        1.0,
    ),
)


def _factor(text: str) -> str:
    if not units.is_factor(text):
        raise units.UnitError(f"'{text}' is not a factor: write x3")
    return text


def parse_values(text: str) -> tuple[str, ...]:
    """Every value of a list, ranges written out, in the order given and each once.

    Raises ValuesError for an empty item, a range that cannot be read, or more than MOST_VALUES.
    """
    found: dict[str, None] = {}
    items = list(_items(text))
    for number, (place, item) in enumerate(items):
        _refuse_torn_number([later for _, later in items[number:]], place)
        if not item:
            raise ValuesError(
                "an empty value: write values with commas between, as in 1,2,4", place
            )
        match = _RANGE.fullmatch(item)
        values = _range(match, place) if match else iter((item,))
        for value in values:
            found.setdefault(value)
            if len(found) > MOST_VALUES:
                raise ValuesError(f"more than {MOST_VALUES:,} values: take fewer steps", place)
    return tuple(found)


def _refuse_torn_number(items: list[str], place: int) -> None:
    """`36,000/s` is two values, of which the first has no unit: it was meant as one."""
    number = torn(items)
    pieces = number.split(",")[1:]
    # 1,128 may be two counts; 1,000 is not, nor is 1,128/s.
    if any(piece[0] == "0" for piece in pieces) or (pieces and not pieces[-1].isdigit()):
        raise ValuesError(
            f"a comma stands between two values: for {number} write {ungrouped(number)}", place
        )


def numbers_of(texts: tuple[str, ...]) -> tuple[float, ...] | None:
    """The values as numbers in SI units, None where they are not quantities of one kind."""
    for kind in KINDS:
        try:
            return tuple(kind.read(text) * kind.si for text in texts)
        except units.UnitError:
            continue
    return None


def _items(text: str) -> Iterator[tuple[int, str]]:
    """The parts between commas outside of brackets and quotes, with the place of each."""
    depth, quote, begin = 0, "", 0
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
        elif sign == "," and depth <= 0:
            yield begin, text[begin:place].strip()
            begin = place + 1
    yield begin, text[begin:].strip()


def _range(match: re.Match[str], place: int) -> Iterator[str]:
    low_text, high_text = match["low"], match["high"]
    kind = _kind(low_text, high_text, place)
    low, high = kind.read(low_text), kind.read(high_text)
    if low >= high:
        message = f"{match[0]} does not rise: write the smaller end first"
        raise ValuesError(message, place)
    way, amount = match["way"] or "", match["amount"] or ""
    if not way:
        if kind.name != "counts" or not (low.is_integer() and high.is_integer()):
            raise ValuesError(
                f"{match[0]}: say how to go there, such as {match[0]} log 8 or step ...", place
            )
        way, amount = "step", "1"
    match way:
        case "step":
            numbers = _steps(kind, low, high, _step(kind, amount, place), place)
        case "linear" | "log":
            numbers = _spaced(kind, low, high, _count(amount, place), way == "log", place)
        case _:
            raise ValuesError(f"'{way}' is none of step, linear, log", place)
    return (kind.write(number) for number in numbers)


def _kind(low: str, high: str, place: int) -> Kind:
    for kind in KINDS:
        try:
            kind.read(low), kind.read(high)
        except units.UnitError:
            continue
        return kind
    raise ValuesError(
        f"'{low}' and '{high}' are not two quantities of one kind: write 1..8, 1ms..1s log 7 or "
        "1k/s..40k/s log 12",
        place,
    )


def _step(kind: Kind, text: str, place: int) -> float:
    try:
        step = kind.read(text)
    except units.UnitError as error:
        raise ValuesError(str(error), place) from None
    if step <= 0:
        raise ValuesError(f"a step of {text} leads nowhere", place)
    return step


def _count(text: str, place: int) -> int:
    try:
        count = units.parse_count(text)
    except units.UnitError as error:
        raise ValuesError(str(error), place) from None
    if not 2 <= count <= MOST_VALUES:
        raise ValuesError(f"{count} values: 2 to {MOST_VALUES:,} are possible", place)
    return count


def _steps(kind: Kind, low: float, high: float, step: float, place: int) -> list[float]:
    count = int((high - low) / step + 1e-9) + 1
    if count > MOST_VALUES:
        raise ValuesError(f"{count:,} values, more than {MOST_VALUES:,}: a larger step", place)
    return [_rounded(kind, low + number * step, _LONG_DIGITS) for number in range(count)]


def _spaced(
    kind: Kind, low: float, high: float, count: int, in_ratios: bool, place: int
) -> list[float]:
    if in_ratios and low <= 0:
        raise ValuesError("log begins above 0: write a positive lower end", place)
    shares = [number / (count - 1) for number in range(1, count - 1)]
    if in_ratios:
        between = [low * (high / low) ** share for share in shares]
    else:
        between = [low + (high - low) * share for share in shares]
    for digits in (_SHORT_DIGITS, _LONG_DIGITS):
        whole = kind.is_whole or (kind.name == "counts" and low.is_integer() and high.is_integer())
        rounded = [low, *(_rounded(kind, one, digits, whole) for one in between), high]
        # Short numbers are for people, as long as they can be told apart.
        if all(left < right for left, right in itertools.pairwise(rounded)):
            break
    return sorted(dict.fromkeys(rounded))


def _rounded(kind: Kind, number: float, digits: int, whole: bool = False) -> float:
    short = float(f"{number:.{digits - 1}e}")
    return float(round(short)) if whole or kind.is_whole else short
