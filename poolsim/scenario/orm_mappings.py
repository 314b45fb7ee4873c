"""Options of CassandraORM whose keys are names of the user's own: nodes and datacenters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolsim.scenario import units
from poolsim.scenario.fields import LARGEST_INT, Written
from poolsim.scenario.mistakes import did_you_mean
from poolsim.scenario.orm import Region

MOST_NAMES = 1_000
_REGION_KEYS = {"maxConnections": "max_connections", "priority": "priority"}


def _block(value: object, example: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise units.UnitError(f"a block of keys is needed here, such as {example}")
    if len(value) > MOST_NAMES:
        raise units.UnitError(f"{len(value):,} names: at most {MOST_NAMES:,}")
    return value


def _count(value: object, name: str) -> int:
    number = units.parse_count(value)
    if not 1 <= number <= LARGEST_INT:
        raise units.UnitError(f"{name}: {number} is not a count of at least 1")
    return number


def _counts(value: object) -> tuple[tuple[str, int], ...]:
    block = _block(value, "{dc1/1: 8}")
    return tuple((name, _count(count, name)) for name, count in block.items())


def _regions(value: object) -> tuple[Region, ...]:
    block = _block(value, "{dc1: {maxConnections: 16, priority: 1}}")
    return tuple(_region(name, settings) for name, settings in block.items())


def _region(name: str, settings: object) -> Region:
    values: dict[str, int] = {}
    for key, value in _block(settings, f"{name}: {{maxConnections: 16, priority: 1}}").items():
        if key not in _REGION_KEYS:
            near = did_you_mean(key, _REGION_KEYS) or f" (known: {', '.join(_REGION_KEYS)})"
            raise units.UnitError(f"{name}: unknown key {key[:60]}{near}")
        values[_REGION_KEYS[key]] = _count(value, f"{name}.{key}")
    return Region(name, **values)


def _written_region(region: Region) -> dict[str, int]:
    values = {"maxConnections": region.max_connections, "priority": region.priority}
    return {key: value for key, value in values.items() if value is not None}


_COUNT_SCHEMA = {"type": "integer", "minimum": 1, "maximum": LARGEST_INT}
COUNTS_BY_NODE = Written(
    "counts",
    _counts,
    {"type": "object", "additionalProperties": _COUNT_SCHEMA, "examples": [{"dc1/1": 8}]},
    dict,
)
SETTINGS_BY_REGION = Written(
    "regions",
    _regions,
    {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": dict.fromkeys(_REGION_KEYS, _COUNT_SCHEMA),
            "additionalProperties": False,
        },
        "examples": [{"us-east-1": {"maxConnections": 16, "priority": 1}}],
    },
    lambda regions: {region.name: _written_region(region) for region in regions},
)
