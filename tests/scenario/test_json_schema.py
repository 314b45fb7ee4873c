from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.json_schema import FILE_NAME, MODELINE, schema, schema_text
from poolsim.scenario.load import ScenarioError, load_text
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.templates import templates
from tests.scenario.files import scenario_files
from tests.scenario.malformed import RICH, generate

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(
    path for path in (ROOT / "scenarios").glob("**/*.yaml") if not path.name.startswith(".")
)
DRAFTS = (jsonschema.Draft7Validator, jsonschema.Draft202012Validator)
VALIDATORS = [draft(schema()) for draft in DRAFTS]


def complaints(data: Any) -> list[str]:
    return [error.message for validator in VALIDATORS for error in validator.iter_errors(data)]


def blocks(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for item in node.values():
            yield from blocks(item)
    elif isinstance(node, list):
        for item in node:
            yield from blocks(item)


def test_the_committed_schema_is_the_code_s() -> None:
    committed = (ROOT / "scenarios" / FILE_NAME).read_text(encoding="utf-8")
    assert committed == schema_text(), "run: poolsim schema > scenarios/scenario.schema.json"


@pytest.mark.parametrize("draft", DRAFTS)
def test_it_is_a_schema_in_both_drafts(draft: Any) -> None:
    draft.check_schema(schema())


def test_it_uses_only_what_both_drafts_share() -> None:
    newer = {"$defs", "prefixItems", "unevaluatedProperties", "dependentRequired", "$anchor"}
    for block in blocks(schema()):
        assert not newer & block.keys()
        if "$ref" in block:
            assert list(block) == ["$ref"], "draft 7 looks at nothing beside a $ref"


def test_every_key_is_described() -> None:
    tree = schema()
    definitions = tree["definitions"]
    for name, definition in definitions.items():
        assert definition["description"], name
        for key, value in definition.get("properties", {}).items():
            is_block = any("$ref" in block for block in blocks(value))
            assert is_block or value.get("description"), f"{name}.{key}"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_scenarios_are_valid(path: Path) -> None:
    assert complaints(yaml.safe_load(path.read_text(encoding="utf-8"))) == []
    load_text(path.read_text(encoding="utf-8"), directory=path.parent)


def test_templates_are_valid_and_name_their_schema() -> None:
    for template in templates():
        assert template.text.startswith(MODELINE + "\n")
        assert complaints(yaml.safe_load(template.text)) == []
    assert complaints(yaml.safe_load(RICH)) == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(scenario_files())
def test_what_the_loader_takes_the_schema_takes(tree: dict[str, Any]) -> None:
    assert complaints(tree) == []
    resolved = to_yaml(load_text(json.dumps(tree)))
    assert complaints(yaml.safe_load(resolved)) == []


def test_the_schema_finds_mistakes_of_shape() -> None:
    seen = {
        "unknown_top_key",
        "unknown_option",
        "option_of_the_other_driver",
        "missing_key",
        "missing_key_below",
        "value_for_a_block",
        "duration_without_unit",
        "unknown_unit",
        "rate_without_time",
        "broken_count",
        "share_beyond_one",
        "word_for_a_flag",
        "bad_name",
        "unknown_driver",
        "bad_protocol",
        "two_loads",
        "no_load",
        "two_laws",
        "unknown_fault",
        "phase_without_level",
        "change_of_a_fixed_option",
    }
    checked = set()
    for file in generate():
        if file.kind in seen:
            checked.add(file.kind)
            assert complaints(yaml.safe_load(file.content)), (file.kind, file.number)
    assert checked == seen


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
def test_options_are_those_of_the_driver(driver: Any) -> None:
    text = json.dumps(schema()["definitions"])
    for option in driver.options:
        assert f'"{option.path.rsplit(".", 1)[-1]}"' in text
    other = {
        "java3": "connect_to_remote_hosts: true",
        "nodejs": "request_timeout: 1s",
        "generic": "executor_threads: 2",
        "cassandraorm": "request_timeout: 1s",
    }.get(driver.name, "read_timeout: 1s")
    file = RICH.replace("driver: python", f"driver: {driver.name}").replace(
        "      pooling: {local: {core: 1, max: 4, min_requests: 5, max_requests: 100}}",
        f"      {other}",
    )
    assert complaints(yaml.safe_load(file))
    with pytest.raises(ScenarioError, match=f"{other.partition(':')[0]}: unknown key"):
        load_text(file)
