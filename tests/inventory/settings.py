"""Whether what a row names in poolsim is there: options, metrics, keys of a scenario, rules, places
in a result, files, commands, shipped scenarios."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from typer.main import get_command

from poolsim.cli import app
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.json_schema import schema as json_schema
from poolsim.scenario.metrics import METRICS
from poolsim.scenario.templates import templates
from tests.inventory.results import result
from tests.inventory.rows import NotBuilt, Row, is_built

MODEL = Path(__file__).parents[2] / "poolsim" / "model"
DRIVER_OF = {"async-cassandra": "async_cassandra"}
"""Systems whose driver a scenario names otherwise."""


def unknown_settings(rows: Iterable[Row], not_built: Sequence[NotBuilt]) -> list[str]:
    """A sentence for each name that poolsim does not have."""
    schema = json_schema()
    return [
        f"{row.source}: {row.id}: poolsim has no {named}"
        for row in rows
        if is_built(row, not_built)
        for named in row.poolsim.split("; ")
        if not _is_there(row.system, named, schema)
    ]


def _is_there(system: str, named: str, schema: dict[str, Any]) -> bool:
    kind, _, name = named.partition(" ")
    if kind == "option":
        driver = DRIVERS.get(DRIVER_OF.get(system, system))
        return driver is not None and driver.option(name) is not None
    if kind == "metric":
        return name.partition(".")[0] in METRICS
    if kind == "key":
        return _has_key(schema, name.split("."), schema)
    if kind == "rule":
        return _has_rule(*name.split(" ", 1))
    if kind == "report":
        return result().has(name.replace(" ", "."))
    if kind == "file":
        return name in result().files
    if kind == "command":
        return name in get_command(app).commands  # type: ignore[attr-defined]
    if kind == "scenario":
        return name in {template.name for template in templates()}
    return kind == "wrapper" and name in DRIVERS and _has_rule(f"wrappers/{name}")


def _has_rule(module: str, function: str = "") -> bool:
    """Whether the model has a module or package, and in the module a function."""
    if (MODEL / module).is_dir():
        return not function
    path = MODEL / f"{module}.py"
    if not path.is_file():
        return False
    return not function or bool(re.search(rf"^def {function}\(", path.read_text(), re.MULTILINE))


def _has_key(entry: Any, parts: list[str], schema: dict[str, Any]) -> bool:
    """Whether a path leads through a JSON schema, past lists, names of datacenters and choices."""
    if not isinstance(entry, dict):
        return False
    if "$ref" in entry:
        return _has_key(schema["definitions"][entry["$ref"].rsplit("/", 1)[1]], parts, schema)
    if not parts:
        return True
    if parts[0] in entry.get("properties", {}):
        return _has_key(entry["properties"][parts[0]], parts[1:], schema)
    inner = [entry.get("items"), entry.get("additionalProperties")]
    inner += [one for key in ("anyOf", "oneOf", "allOf") for one in entry.get(key, [])]
    return any(_has_key(one, parts, schema) for one in inner)
