"""Whatever is done to a good file: a Scenario that comes back from its own text, or mistakes."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from poolsim.scenario.load import ScenarioError, load_text
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.warnings import warnings_of
from tests.scenario.malformed import bases

VALUES: list[Any] = [
    None, True, 0, 1, -1, 3, 10**30, 1.5, float("inf"), float("nan"), "", "x", "0s", "5s", "-3ms",
    "20k/s", "x3", "50%", "120%", "auto", [], {}, [1], {"a": 1}, [None], [[]], "v4", "v2", "python",
    "java3", "stop", "slow", "dc1/1", "latency.p99 < 5ms", "1e999", {"mean": "1ms"},
    {"constant": "1ms"}, {"poisson": {"rate": "5/s"}}, {"closed": {"window": 3}}, ["recover < 5s"],
    {"pooling.local.max": 3},
]  # fmt: skip
SIGNS = "{}[]:,-#&*!|>'\"% \n\tabc019."
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from places(value, (*path, key))


def mutate_tree(text: str, draw: random.Random) -> str:
    tree = yaml.load(text, Loader=LOADER)
    for _ in range(draw.randrange(1, 5)):
        known = list(places(tree))
        if not known:
            break
        *way, last = draw.choice(known)
        container = tree
        for key in way:
            container = container[key]
        if draw.random() < 0.3:
            del container[last]
        else:
            container[last] = copy.deepcopy(draw.choice(VALUES))
    return yaml.dump(tree, Dumper=DUMPER, sort_keys=False)


def mutate_text(text: str, draw: random.Random) -> str:
    signs = list(text)
    for _ in range(draw.randrange(1, 8)):
        place = draw.randrange(len(signs))
        choice = draw.random()
        if choice < 0.4:
            signs[place] = draw.choice(SIGNS)
        elif choice < 0.7:
            del signs[place]
        else:
            signs.insert(place, draw.choice(SIGNS))
    return "".join(signs)


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_file_is_a_scenario_or_a_list_of_mistakes(seed: int) -> None:
    draw = random.Random(seed)
    refused = 0
    for number in range(40):
        mutate = mutate_text if number % 3 == 0 else mutate_tree
        text = mutate(draw.choice(bases()), draw)
        try:
            scenario = load_text(text)
        except ScenarioError as error:
            refused += 1
            for mistake in error.mistakes:
                assert mistake.line >= 1
                assert mistake.column >= 1
                assert mistake.message
        else:
            assert load_text(to_yaml(scenario)) == scenario
            assert all(warnings_of(scenario))
    assert 10 < refused < 40, "some are good and some are not"
