"""The file format as JSON Schema, for editors.

yaml-language-server reads draft 7, other tools read 2020-12: what is written here means the same
in both (`$ref` stands alone, `if`/`then` chooses the options of a driver, no newer keywords).
"""

from __future__ import annotations

import json
from typing import Any

from poolsim.scenario.drivers import DRIVERS, Driver
from poolsim.scenario.entries import FileEntry
from poolsim.scenario.structure import MAY_BE_EMPTY

FILE_NAME = "scenario.schema.json"
MODELINE = f"# yaml-language-server: $schema=./{FILE_NAME}"


def schema() -> dict[str, Any]:
    """The schema of scenario files."""
    tree: dict[str, Any] = FileEntry.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = tree.pop("$defs")
    for driver in DRIVERS.values():
        options = driver.entry.model_json_schema(by_alias=True)
        definitions.update(options.pop("$defs", {}))
        definitions[driver.entry.__name__] = options
    _choose_options(definitions["ClientEntry"])
    _name_changeable_options(definitions["ChangeEntry"])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "poolsim scenario",
        **_plain(tree),
        "definitions": {
            _public_name(name): _plain(definitions[name]) for name in sorted(definitions)
        },
    }


def schema_text() -> str:
    """The schema as the text of its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _public_name(name: str) -> str:
    return name.removesuffix("Entry")


def _choose_options(client: dict[str, Any]) -> None:
    """The options of a client are those of its driver."""
    client["properties"]["driver"]["enum"] = list(DRIVERS)
    client["properties"]["options"] = {
        "description": client["properties"]["options"]["description"]
    }
    client["allOf"] = [
        {
            "if": {"properties": {"driver": {"const": driver.name}}, "required": ["driver"]},
            "then": {"properties": {"options": {"$ref": f"#/$defs/{driver.entry.__name__}"}}},
        }
        for driver in DRIVERS.values()
    ]


def _name_changeable_options(change: dict[str, Any]) -> None:
    """Only some options change at runtime; which value fits is for the loader to say."""
    paths: list[str] = []
    for driver in DRIVERS.values():
        paths += [path for path in _changeable(driver) if path not in paths]
    change["properties"]["set"] |= {
        "minProperties": 1,
        "propertyNames": {"enum": paths},
        "additionalProperties": {"type": ["integer", "number", "string"]},
    }


def _changeable(driver: Driver) -> list[str]:
    return [option.path for option in driver.options if option.at_runtime]


def _plain(node: Any, key: str = "") -> Any:
    """The same schema without what pydantic adds: titles, nulls, defaults of absent keys."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if key == "properties":
        return {name: _property(name, item) for name, item in node.items()}
    node = {name: item for name, item in node.items() if name != "title"}
    if node.get("default", ...) in (None, [], {}):
        del node["default"]
    choices = node.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        left = [choice for choice in choices if choice != {"type": "null"}]
        node = {name: item for name, item in node.items() if name != "anyOf"}
        node |= left[0] if len(left) == 1 else {"anyOf": left}
    if "$ref" in node:
        reference = {"$ref": f"#/definitions/{_public_name(node.pop('$ref').split('/')[-1])}"}
        # Draft 7 looks at nothing beside a $ref.
        node = {**node, "allOf": [reference]} if node else reference
        return {
            name: item if name == "allOf" else _plain(item, name) for name, item in node.items()
        }
    return {name: _plain(item, name) for name, item in node.items()}


def _property(name: str, node: Any) -> Any:
    """A key's schema; a list whose items are commented out may be empty."""
    plain = _plain(node)
    if name in MAY_BE_EMPTY and plain.get("type") == "array":
        plain["type"] = ["array", "null"]
    return plain
