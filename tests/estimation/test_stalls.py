"""A stall: requests wait, more connections are allowed and needed, and none is made."""

from typing import Any

import pytest

from poolsim.estimation.results import Stall
from poolsim.estimation.stalls import stalls
from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Change, Scenario
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import MILLISECOND, SECOND


def record(scenario: Scenario, *stalled_s: tuple[float, float], **changed: Any) -> Record:
    """Three connections that are full, with requests waiting at the given times."""
    recorder = Recorder(scenario, 100 * MILLISECOND)

    def sampled(at_s: float) -> dict[str, Any]:
        waiting = any(start < at_s <= end + 1e-9 for start, end in stalled_s)
        columns: dict[str, Any] = {"active": 3, "in_flight": 384, "pending": 90 if waiting else 0}
        return columns | changed

    runs.sample_all(recorder, scenario, sampled)
    return recorder.finish(scenario.duration_ns, [0] * len(scenario.clients))


def on_first_node(scenario: Scenario, *records: Record) -> list[Stall]:
    return [stall for stall in stalls(scenario, records) if stall.node == "dc1/1"]


def test_adjacent_intervals_are_one_stall_and_short_ones_none() -> None:
    scenario = runs.scenario()
    found = on_first_node(scenario, record(scenario, (2, 3), (5, 5.2), (7, 7.3)))
    assert [(round(s.from_s, 6), round(s.to_s, 6)) for s in found] == [(2, 3), (7, 7.3)]
    assert (found[0].client, found[0].active, found[0].maximum) == ("api", 3, 8)
    assert found[0].pending_max == 90
    assert len(stalls(scenario, [record(scenario, (2, 3))])) == 3


@pytest.mark.parametrize(
    ("changed", "stalls_found"),
    [
        # (3 - 1) * 128 + 100 = 356 in flight are what three connections are for.
        ({"in_flight": 356}, 0),
        ({"in_flight": 357}, 1),
        ({"active": 8, "in_flight": 1024}, 0),
        ({"active": 2, "connecting": 1, "in_flight": 356}, 0),
        ({"active": 2, "in_flight": 256}, 1),
        ({"active": 0}, 0),
    ],
)
def test_the_growth_rule_decides(changed: dict[str, int], stalls_found: int) -> None:
    scenario = runs.scenario()
    assert len(on_first_node(scenario, record(scenario, (2, 3), **changed))) == stalls_found


def test_samples_are_sums_over_the_instances() -> None:
    scenario = runs.scenario(clients=(runs.client(instances=4),))
    enough = record(scenario, (2, 3), active=12, in_flight=4 * 356)
    assert on_first_node(scenario, enough) == []
    (stall,) = on_first_node(scenario, record(scenario, (2, 3), active=12, in_flight=4 * 357))
    assert stall.maximum == 32


def test_options_are_those_of_the_time() -> None:
    scenario = runs.scenario(changes=(Change(5 * SECOND, "api", "pooling.local.max", 3),))
    found = on_first_node(scenario, record(scenario, (2, 8)))
    assert [(round(s.from_s, 6), round(s.to_s, 6)) for s in found] == [(2, 5)]


def test_remote_nodes_have_the_options_of_their_distance() -> None:
    remote = runs.Pooling(core=1, max=3, max_requests=128, new_connection_threshold=100)
    scenario = runs.scenario(
        clients=(runs.client(datacenter="dc2", options=runs.options(remote=remote)),)
    )
    assert stalls(scenario, [record(scenario, (2, 3))]) == ()


def test_other_drivers_have_other_rules() -> None:
    scenario = runs.scenario(clients=(runs.client(driver="python"),))
    assert stalls(scenario, [record(scenario, (2, 3))]) == ()


def test_the_replication_that_stalls_longest_is_shown() -> None:
    scenario = runs.scenario()
    found = on_first_node(
        scenario, record(scenario), record(scenario, (2, 4)), record(scenario, (1, 2))
    )
    assert [(round(s.from_s, 6), round(s.to_s, 6)) for s in found] == [(2, 4)]
