"""How single values of the file are written: what is read, what an editor is told.

Each `Written` is an annotation for a field of `entries.py`: it turns the value of the file into
model units, refuses what is wrong with a sentence that says what to write, describes itself in
JSON Schema and writes a value back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poolsim.scenario import units
from poolsim.scenario.mistakes import did_you_mean

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

LARGEST_INT = 2**31 - 1
"""The largest int of Java, which holds most of its driver's options."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
FILE_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NODES_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}/([1-9][0-9]{0,3}|\*)$"


@dataclass(frozen=True, slots=True)
class Written:
    """One kind of value: how it is read, described and written back."""

    kind: str
    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    write: Callable[[Any], Any] = lambda value: value
    stand_in: Any = None
    """A valid value that takes the place of a required one that is missing or wrong."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema)

    def _read(self, value: Any) -> Any:
        from pydantic_core import PydanticCustomError

        try:
            return self.read(value)
        except units.UnitError as error:
            raise PydanticCustomError("value", "{reason}", {"reason": str(error)}) from None


@dataclass(frozen=True, slots=True)
class Shorthand:
    """A block that may also be written as the value of its most important key."""

    key: str
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self._expand, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [dict(self.schema), handler(schema)]}

    def _expand(self, value: Any) -> Any:
        return {self.key: value} if isinstance(value, str | int | float) else value


# What an editor is told ---------------------------------------------------------------------------

DURATION_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": units.DURATION_PATTERN}, {"const": 0}],
    "examples": ["30s", "1.2ms", "250us", "5m"],
}
_MOMENTS: list[dict[str, Any]] = [
    {"type": "string", "pattern": units.DURATION_PATTERN},
    {"type": "string", "pattern": units.SHARE_PATTERN},
]
SPAN_SCHEMA = {"anyOf": _MOMENTS, "examples": ["60s", "50%"]}
MOMENT_SCHEMA = {"anyOf": [*_MOMENTS, {"const": 0}], "examples": ["60s", "50%"]}
RATE_SCHEMA = {"type": "string", "pattern": units.RATE_PATTERN, "examples": ["20k/s", "500/s"]}
SHARE_SCHEMA = {
    "anyOf": [
        {"type": "boolean"},
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": units.SHARE_PATTERN},
    ],
    "examples": [True, False, "80%"],
}


# Times --------------------------------------------------------------------------------------------


def _positive_duration(value: object) -> int:
    nanoseconds = units.parse_duration(value)
    if nanoseconds == 0:
        raise units.UnitError("0s is too short: a time of more than 0s is needed here")
    return nanoseconds


def _span(value: object) -> int | units.ShareOfRun:
    moment = units.parse_moment(value)
    if (moment.share if isinstance(moment, units.ShareOfRun) else moment) == 0:
        raise units.UnitError("0s is too short: a time of more than 0s is needed here")
    return moment


def _warm_up(value: object) -> int | units.ShareOfRun | None:
    if value == "auto":
        return None
    if isinstance(value, str) and not any(character.isdigit() for character in value):
        raise units.UnitError(f"'{value}' is not a warm-up: write auto, 0s or a time such as 30s")
    return units.parse_moment(value)


DURATION = Written(
    "duration", units.parse_duration, DURATION_SCHEMA, units.format_duration, stand_in="1ms"
)
POSITIVE_DURATION = Written(
    "duration",
    _positive_duration,
    {"type": "string", "pattern": units.DURATION_PATTERN, "examples": ["30s", "5m"]},
    units.format_duration,
    stand_in="1h",
)
MOMENT = Written("time", units.parse_moment, MOMENT_SCHEMA, units.format_duration, stand_in="0s")
SPAN = Written("time", _span, SPAN_SCHEMA)
WARM_UP = Written(
    "warm-up",
    _warm_up,
    {"anyOf": [{"const": "auto"}, *_MOMENTS, {"const": 0}], "examples": ["auto", "0s", "30s"]},
)


# Numbers ------------------------------------------------------------------------------------------


def whole(minimum: int = 0, maximum: int = LARGEST_INT, *, refusal: str = "") -> Written:
    """A whole number within bounds; `refusal` is what the driver would raise below the minimum."""

    def read(value: object) -> int:
        number = units.parse_count(value)
        if number < minimum:
            raises = f": the driver raises {refusal}" if refusal else ""
            raise units.UnitError(f"{number} is too small: at least {minimum}{raises}")
        if number > maximum:
            raise units.UnitError(f"{number} is too large: at most {maximum}")
        return number

    schema = {
        "anyOf": [
            {"type": "integer", "minimum": minimum, "maximum": maximum},
            {"type": "string", "pattern": units.COUNT_PATTERN},
        ]
    }
    return Written("count", read, schema, stand_in=minimum)


def _positive_rate(value: object) -> float:
    rate = units.parse_rate(value)
    if rate <= 0:
        raise units.UnitError("0/s is no load: a rate of more than 0/s is needed here")
    return rate


def _positive_number(value: object) -> float:
    number = units.parse_number(value)
    if number <= 0:
        raise units.UnitError(f"{value} is too small: more than 0 is needed here")
    return number


def _slowdown(value: object) -> float:
    factor = units.parse_factor(value)
    if factor <= 0:
        raise units.UnitError(f"{value} is too small: a factor of more than 0 is needed here")
    return factor


def _half_width(value: object) -> float:
    share = units.parse_share(value)
    if isinstance(value, bool) or share <= 0:
        raise units.UnitError(f"{value} is not a half-width: write 5%")
    return share


RATE = Written("rate", _positive_rate, RATE_SCHEMA, units.format_rate, stand_in="1/s")


def _written_share(share: float) -> bool | float | str:
    if share in (0.0, 1.0):
        return bool(share)
    return units.format_share(share) if share > 1e-6 else share


SHARE = Written("share", units.parse_share, SHARE_SCHEMA, _written_share)
HALF_WIDTH = Written(
    "share",
    _half_width,
    {
        "anyOf": [
            {"type": "string", "pattern": units.SHARE_PATTERN},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        ],
        "examples": ["5%"],
    },
    units.format_share,
    stand_in="5%",
)
POSITIVE_NUMBER = Written(
    "number",
    _positive_number,
    {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": units.COUNT_PATTERN},
        ]
    },
    units.format_number,
    stand_in=1,
)
FACTOR = Written(
    "factor",
    _slowdown,
    {
        "anyOf": [
            {"type": "string", "pattern": units.FACTOR_PATTERN},
            {"type": "number", "exclusiveMinimum": 0},
        ],
        "examples": ["x5"],
    },
)


def size(smallest: int, largest: int) -> Written:
    """Bytes within bounds: `64KiB`, `64kB`."""

    def read(value: object) -> int:
        read_bytes = units.parse_size(value)
        if not smallest <= read_bytes <= largest:
            least, most = units.format_size(smallest), units.format_size(largest)
            raise units.UnitError(f"{value} is not within {least} and {most}")
        return read_bytes

    schema = {"type": "string", "pattern": units.SIZE_PATTERN, "examples": ["64kB", "64KiB"]}
    return Written("size", read, schema, units.format_size, stand_in=units.format_size(smallest))


BANDWIDTH = Written(
    "bandwidth",
    units.parse_bandwidth,
    {
        "anyOf": [
            {"type": "string", "pattern": units.BANDWIDTH_PATTERN},
            {"const": "unlimited"},
        ],
        "examples": ["1Gbit/s", "unlimited"],
    },
    units.format_bandwidth,
    stand_in="unlimited",
)


def _headroom(value: object) -> float:
    """A share that may be above 100 %."""
    number = str(value).strip()
    if isinstance(value, bool) or not number.endswith("%"):
        raise units.UnitError(f"'{value}' is not a headroom: write 30%")
    share = units.parse_number(number[:-1], "a headroom", "30%") / 100
    if not 0 <= share <= MOST_HEADROOM:
        raise units.UnitError(f"{value} is not within 0% and {MOST_HEADROOM * 100}%")
    return share


MOST_HEADROOM = 100
"""A hundred times the load is another scenario."""
HEADROOM = Written(
    "share",
    _headroom,
    {"type": "string", "pattern": units.HEADROOM_PATTERN, "examples": ["30%"]},
    units.format_share,
)


@dataclass(frozen=True, slots=True)
class Multiple:
    """A level written as a multiple of the base, `x3`."""

    factor: float


def _level(value: object) -> float | Multiple:
    """A level of a load: a multiple of its base or a rate."""
    if units.is_factor(value):
        return Multiple(units.parse_factor(value))
    try:
        return units.parse_rate(value)
    except units.UnitError as error:
        raise units.UnitError(f"{error} (or a multiple of the base: x3)") from None


LEVEL = Written(
    "rate",
    _level,
    {
        "anyOf": [
            {"type": "string", "pattern": units.FACTOR_PATTERN},
            {"type": "string", "pattern": units.RATE_PATTERN},
        ],
        "examples": ["x3", "40k/s"],
    },
)


# Words --------------------------------------------------------------------------------------------


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}
        hint = meant.get(str(value).lower(), "true or false")
        raise units.UnitError(f"'{value}' is neither true nor false: write {hint}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise units.UnitError(f"{_kind(value)} is not text: put it in quotes")
    if not value.replace("\n", " ").isprintable() or len(value) > 2_000:
        raise units.UnitError("this is not a text of at most 2,000 printable characters")
    return value.strip()


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a block"
    return "a list" if isinstance(value, list) else str(value)


def _matching(pattern: str, description: str, stand_in: str) -> Written:
    import re

    compiled = re.compile(pattern.replace("$", r"\Z"))

    def read(value: object) -> str:
        if not isinstance(value, str) or not compiled.match(value):
            shown = f"'{value}'" if isinstance(value, str) else _kind(value)
            shown = shown if len(shown) <= 60 else shown[:60] + "..."
            raise units.UnitError(f"{shown} is not {description}")
        return value

    return Written("name", read, {"type": "string", "pattern": pattern}, stand_in=stand_in)


def choice(*names: str) -> Written:
    """One of some words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            shown = f"'{value}'" if isinstance(value, str) else _kind(value)
            shown = shown if len(shown) <= 60 else shown[:60] + "..."
            known = ", ".join(names)
            raise units.UnitError(f"{shown} is none of {known}{did_you_mean(value, names)}")
        return value

    schema = {"type": "string", "enum": list(names)}
    return Written("choice", read, schema, stand_in=names[0])


def _protocol(value: object) -> int:
    if isinstance(value, str) and value in PROTOCOLS:
        return PROTOCOLS.index(value) + 1
    shown = f"'{value}'" if isinstance(value, str) else _kind(value)
    number = str(value).lower().lstrip("v")
    hint = f": write v{number}" if f"v{number}" in PROTOCOLS else f": {', '.join(PROTOCOLS)}"
    raise units.UnitError(f"{shown[:60]} is not a protocol version{hint}")


PROTOCOLS = ("v1", "v2", "v3", "v4", "v5", "v6")
PROTOCOL = Written(
    "protocol",
    _protocol,
    {"type": "string", "enum": list(PROTOCOLS)},
    lambda version: f"v{version}",
)


def _values(value: object) -> str:
    """Values to choose among; they are taken apart by whoever varies them."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise units.UnitError(f"{_kind(value)} is not a list of values: write '1,2,4' or 1..8")
    return str(value).strip()


VALUES = Written(
    "values",
    _values,
    {"anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}], "examples": ["1..8"]},
)
FLAG = Written("flag", _flag, {"type": "boolean"})
TEXT = Written("text", _text, {"type": "string", "maxLength": 2_000}, stand_in="unknown")
NAME = _matching(
    NAME_PATTERN, "a name: letters, digits, _ and -, beginning with a letter or digit", "unknown"
)
FILE_NAME = _matching(
    FILE_NAME_PATTERN,
    "a name: letters, digits, ., _ and -, beginning with a letter or digit",
    "unknown",
)
NODE_NAMES = _matching(
    NODES_PATTERN, "the name of a node: write dc1/1, or dc1/* for all of dc1", "unknown/1"
)
