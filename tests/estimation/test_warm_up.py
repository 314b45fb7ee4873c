"""One cut per scenario, on the mean path, that finds a transient and does not bias a mean."""

from dataclasses import replace

import numpy as np
import pytest

from poolsim.estimation.intervals import estimate
from poolsim.estimation.metrics import metrics_of
from poolsim.estimation.warm_up import find_warm_up, mean_path, mser
from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Load, Phase, Scenario
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import MILLISECOND, SECOND


def plain_mser(path: np.ndarray) -> int:
    """The definition: the cut whose rest has the smallest standard error, by trying all."""
    means = [path[k : k + 5].mean() for k in range(0, len(path) // 5 * 5, 5)]
    errors = []
    for cut in range(len(means) // 2 + 1):
        rest = np.array(means[cut:])
        errors.append(((rest - rest.mean()) ** 2).sum() / len(rest) ** 2)
    return 5 * int(np.argmin(errors))


@pytest.mark.parametrize("seed", range(6))
def test_mser_is_what_its_definition_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    path = 1 + 3 * np.exp(-np.arange(203) / (5 + 10 * seed)) + random.normal(0, 0.2, 203)
    assert mser(path)[0] == plain_mser(path)


def test_mser_deletes_a_transient_and_nothing_of_a_flat_path() -> None:
    random = np.random.default_rng(1)
    noise = random.normal(0, 0.05, 300)
    transient = np.where(np.arange(300) < 40, 5.0, 1.0)
    assert mser(transient + noise)[0] in (40, 45)
    assert mser(np.ones(300)) == (0, True)
    assert mser(transient + noise)[1]


def test_a_path_that_keeps_rising_has_not_settled() -> None:
    cut, settled = mser(np.arange(200.0))
    assert cut == 100
    assert not settled


def run(scenario: Scenario, latency_ms: np.ndarray, replication: int = 0) -> Record:
    """One request every 10 ms; latency by the interval of 20 ms in which it begins."""
    recorder = Recorder(scenario, 20 * MILLISECOND)
    random = np.random.default_rng(replication)
    intended = np.arange(0, scenario.duration_ns, 10 * MILLISECOND)
    own = latency_ms[intended // (20 * MILLISECOND)] * random.uniform(0.9, 1.1, len(intended))
    recorder.requests(runs.request_rows(intended, (own * MILLISECOND).astype(np.int64)))
    runs.sample_all(recorder, scenario, lambda _: {})
    return recorder.finish(scenario.duration_ns, [0])


def transient(until_s: float) -> np.ndarray:
    return np.where(np.arange(500) * 0.02 < until_s, 8.0, 1.0)


def test_a_warm_up_that_is_given_is_taken() -> None:
    scenario = runs.scenario(warm_up_ns=3 * SECOND)
    found = find_warm_up(scenario, [run(scenario, transient(1))])
    assert (found.cut_ns, found.found, found.warnings) == (3 * SECOND, False, ())


def test_at_least_what_mser_says_is_deleted_up_to_the_edge_of_a_segment() -> None:
    scenario = runs.scenario(warm_up_ns=None)
    found = find_warm_up(scenario, [run(scenario, transient(1.3), k) for k in range(3)])
    assert found.found
    assert found.cut_ns == 1.5 * SECOND
    assert found.warnings == ()


def test_without_a_transient_nothing_is_deleted() -> None:
    scenario = runs.scenario(warm_up_ns=None)
    assert find_warm_up(scenario, [run(scenario, np.ones(500))]).cut_ns <= SECOND


def test_what_is_scheduled_is_never_deleted() -> None:
    load = Load("poisson", rate=100.0, phases=(Phase("peak", "rate", 4 * SECOND, 0, 300.0),))
    scenario = runs.scenario(warm_up_ns=None, clients=(runs.client(load=load),))
    # Without the phase the change at 4 s would look like the end of a transient.
    path = np.where(np.arange(500) * 0.02 < 4, 8.0, 1.0)
    assert find_warm_up(scenario, [run(scenario, path)]).cut_ns <= 2 * SECOND
    unscheduled = runs.scenario(warm_up_ns=None)
    assert find_warm_up(unscheduled, [run(unscheduled, path)]).cut_ns >= 4 * SECOND


def test_too_short_a_front_is_said_to_be() -> None:
    load = Load("poisson", rate=100.0, phases=(Phase("peak", "rate", SECOND // 2, 0, 300.0),))
    scenario = runs.scenario(warm_up_ns=None, clients=(runs.client(load=load),))
    found = find_warm_up(scenario, [run(scenario, transient(0.2))])
    assert found.cut_ns == 0
    assert "too few" in found.warnings[0]


def test_the_mean_path_is_a_mean_of_replications_not_of_requests() -> None:
    scenario = runs.scenario()
    records = [run(scenario, np.full(500, value)) for value in (1.0, 3.0)]
    path = mean_path(records)
    assert path.shape == (500,)
    assert path == pytest.approx(2 * MILLISECOND, rel=0.11)


def test_one_cut_on_the_mean_path_does_not_bias_a_busy_queue() -> None:
    """M/M/1 at 80 %: cutting each replication by itself gives about -5 %, one cut about 0."""
    scenario = runs.scenario(
        node=runs.Node(1, runs.Law("exponential", mean_ns=800_000)),
        duration_ns=5 * SECOND,
        warm_up_ns=None,
    )
    errors, covered = [], 0
    experiments = 20
    for experiment in range(experiments):
        own = replace(scenario, seed=experiment)
        records = []
        for replication in range(5):
            recorder = Recorder(own, 10 * MILLISECOND)
            end = runs.simulate(own, replication, recorder, engine="auto", progress=None)
            records.append(recorder.finish(end.end_ns, end.unfinished))
        cut_ns = find_warm_up(own, records).cut_ns
        values = [metrics_of(record, own, cut_ns)["latency.mean"] for record in records]
        found = estimate(values, "s")
        errors.append(found.mean / 4e-3 - 1)
        covered += abs(found.mean - 4e-3) <= found.half_width
    assert abs(np.mean(errors)) < 0.03
    # At 94 % coverage fewer than 15 of 20 happen once in 1000 tries.
    assert covered >= 15
