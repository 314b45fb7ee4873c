from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from poolsim.scenario.load import load, load_text
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Law, Load
from poolsim.scenario.templates import Template, templates
from tests.scenario.files import scenario_files
from tests.scenario.malformed import RICH


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_templates_come_back(template: Template) -> None:
    scenario = load_text(template.text)
    text = to_yaml(scenario)
    assert load_text(text) == scenario
    assert to_yaml(load_text(text)) == text


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(scenario_files())
def test_any_scenario_comes_back(tree: dict[str, Any]) -> None:
    scenario = load_text(json.dumps(tree))
    text = to_yaml(scenario)
    assert load_text(text, name="other.yaml", directory="/nowhere") == scenario


def test_every_default_is_filled_in() -> None:
    text = to_yaml(load_text(RICH))
    tree = yaml.safe_load(text)
    java3, python = tree["clients"]
    assert java3["options"]["pooling"]["remote"] == {
        "core": 1,
        "max": 1,
        "max_requests": 256,
        "new_connection_threshold": 200,
    }
    assert java3["options"]["load_balancing"]["shuffle_replicas"] is True
    assert java3["options"]["read_timeout"] == "12s"
    assert python["options"]["pooling"]["remote"]["min_requests"] == 5
    assert python["options"]["reconnection"]["exponential"]["max_attempts"] == 64
    assert tree["warm_up"] == "0s"
    assert tree["replications"] == 5
    assert "accepts: 500/s" in text


def test_options_that_cannot_be_set_are_left_out() -> None:
    text = (
        RICH.replace("protocol: v2", "protocol: v4")
        .replace(
            "      pooling: {local: {core: 1, max: 4, min_requests: 5, max_requests: 100}}\n", ""
        )
        .replace("    options:\n    load:\n      closed", "    load:\n      closed")
    )
    scenario = load_text(text)
    tree = yaml.safe_load(to_yaml(scenario))
    assert "pooling" not in tree["clients"][1]["options"]
    assert load_text(to_yaml(scenario)) == scenario


def test_changes_of_one_instant_stay_together() -> None:
    changes = (
        "changes:\n  - {at: 90s, client: api, set: {pooling.local.core: 9, pooling.local.max: 10}}"
    )
    before, _, after = RICH.partition("changes:\n")
    text = before + changes + after[after.index("\nexpect:") :]
    scenario = load_text(text)
    assert len(scenario.changes) == 2
    assert load_text(to_yaml(scenario)) == scenario


def test_values_of_files_stay_in_their_files(tmp_path: Path) -> None:
    (tmp_path / "service.csv").write_text("service\n0.002\n0.001\n")
    (tmp_path / "arrivals.csv").write_text("time,key\n1,5\n0.5,6\n")
    path = tmp_path / "s.yaml"
    text = RICH.replace("lognormal: {median: 1.2ms, p99: 12ms}", "empirical: {file: service.csv}")
    text = text.replace("closed: {window: 20, error_pause: 2ms}", "trace: {file: arrivals.csv}")
    text = text.replace("      phases: [{at: 10s, window: 40}]\n", "")
    path.write_text(text)
    scenario = load(path)
    resolved = to_yaml(scenario)
    assert str(tmp_path / "service.csv") in resolved
    assert "sha256" in resolved
    assert replace(load_text(resolved, directory="/"), path=path) == scenario
    (tmp_path / "service.csv").write_text("service\n0.003\n")
    with pytest.raises(Exception, match=r"service\.csv has changed"):
        load_text(resolved, directory="/")


def test_values_without_a_file_are_written_out() -> None:
    scenario = load_text(RICH)
    made = replace(
        scenario,
        node=replace(scenario.node, service=Law("empirical", samples_ns=(1, 2_000, 3_000_000))),
        clients=(
            replace(
                scenario.clients[0],
                load=Load("trace", times_ns=(0, 5), services_ns=(7, 8), keys=(1, 2)),
            ),
            scenario.clients[1],
        ),
        expectations=(),
    )
    assert load_text(to_yaml(made)) == made


def test_text_is_quoted_where_yaml_would_read_something_else() -> None:
    text = RICH.replace("name: rich", "name: '1e3'\nquestion: 'true'")
    scenario = load_text(text)
    assert (scenario.name, scenario.question) == ("1e3", "true")
    assert load_text(to_yaml(scenario)) == scenario
