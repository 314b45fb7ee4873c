from __future__ import annotations

import pytest

from poolsim.scenario.load import ScenarioError, load_text
from tests.scenario.malformed import RICH
from tests.scenario.test_load import SMALL


def messages(*overrides: str, text: str = RICH) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(text, "s.yaml", overrides=overrides)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_values_are_replaced() -> None:
    scenario = load_text(
        RICH,
        overrides=[
            "duration=4m",
            "clients[0].options.pooling.local.max=12",
            "clients.batch.instances=3",
            "cluster.datacenters.dc1.nodes=7",
            "faults[1].factor=x9",
            "expect=[errors == 0]",
            "cluster.node.service={constant: 2ms}",
            "clients.api.load.phases=[]",
        ],
    )
    assert scenario.duration_ns == 240 * 10**9
    assert scenario.clients[0].options.local.max == 12
    assert scenario.clients[1].instances == 3
    assert scenario.datacenters[0].nodes == 7
    assert scenario.faults[1].factor == 9
    assert [expectation.text for expectation in scenario.expectations] == ["errors == 0"]
    assert scenario.node.service.kind == "constant"
    assert scenario.clients[0].load.phases == ()


def test_blocks_that_are_not_there_are_made() -> None:
    scenario = load_text(
        SMALL,
        overrides=["clients[0].options.pooling.local.max=4", "clients[0].limit.max_concurrent=9"],
    )
    assert scenario.clients[0].options.local.max == 4
    assert scenario.clients[0].max_concurrent == 9


def test_the_last_one_wins() -> None:
    assert load_text(SMALL, overrides=["seed=3", "seed=4"]).seed == 4


def test_an_override_may_mend_the_file() -> None:
    broken = SMALL.replace("duration: 60s", "duration: 60")
    assert load_text(broken, overrides=["duration=60s"]).duration_ns == 60 * 10**9


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "clients[0].options.pooling.local.max=x",
            "--set clients[0].options.pooling.local.max=x:1:38: "
            "clients[0].options.pooling.local.max: 'x' is not a whole number: write 42 or 20k",
        ),
        (
            "clients.api.load.poisson.rate=30",
            "--set clients.api.load.poisson.rate=30:1:31: clients[0].load.poisson.rate: "
            "30 is not a rate: write 30/s",
        ),
        (
            "durationn=5s",
            "--set durationn=5s:1:1: durationn: unknown key (did you mean duration?)",
        ),
        (
            "clients[7].name=x",
            "--set clients[7].name=x:1:1: clients[7]: clients has 2 items, counting from 0",
        ),
        (
            "clients.apj.name=x",
            "--set clients.apj.name=x:1:1: clients.apj: there is no client apj (did you mean api?)",
        ),
        (
            "faults.first.at=1s",
            "--set faults.first.at=1s:1:1: faults.first: faults is a list: write faults[0]",
        ),
        ("duration", "--set duration:1:1: write --set PATH=VALUE"),
        ("=5", "--set =5:1:1: not a path: write clients[0].instances"),
        ("a..b=5", "--set a..b=5:1:3: not a path: write clients[0].instances"),
        ("duration=", "--set duration=:1:10: duration: no value: write one, or leave the key out"),
        ("seed=*x", "--set seed=*x:1:6: seed: alias *x: write the value out"),
        ("seed=!!int 4", "--set seed=!!int 4:1:6: seed: tag tag:yaml.org,2002:int: not used here"),
    ],
)
def test_mistakes_are_those_of_the_override(override: str, expected: str) -> None:
    assert messages(override) == [expected]


def test_a_value_that_is_no_yaml() -> None:
    (found,) = messages("expect=[1")
    assert found.startswith("--set expect=[1:1:")
    assert "expect: not valid YAML" in found


def test_a_second_key_cannot_be_smuggled_in() -> None:
    for value in ("1\nseed: 2", "{a: 1}\nb: 2"):
        assert messages(f"seed={value}")


def test_mistakes_of_the_file_stay_its_own() -> None:
    broken = SMALL.replace("nodes: 3", "nodes: x")
    found = messages("seed=-1", text=broken)
    assert found[0].startswith("s.yaml:4:30: cluster.datacenters.dc1.nodes: ")
    assert found[1].startswith("--set seed=-1:1:6: seed: ")
