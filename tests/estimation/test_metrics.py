"""Every metric of the registry has its value, and the value is what the rows say."""

from dataclasses import replace

import numpy as np
import pytest

from poolsim.estimation.metrics import metrics_of
from poolsim.model import kinds
from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.metrics import METRICS, MetricName, parse_metric
from poolsim.scenario.scenario import Fault, Load, Phase, Scenario
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import COLUMN, MILLISECOND, SECOND

INTERVAL_NS = 100 * MILLISECOND
SPIKE = (4 * SECOND, 6 * SECOND)


def spiked(**changed: object) -> Scenario:
    phases = (Phase("spike", "rate", SPIKE[0], SPIKE[1] - SPIKE[0], 3000.0),)
    api = runs.client("api", 2, load=Load("poisson", rate=1000.0, phases=phases))
    return replace(runs.scenario(clients=(api, runs.client("batch")), warm_up_ns=SECOND), **changed)


def random_rows(count: int = 5000) -> runs.Rows:
    random = np.random.default_rng(11)
    outcome = random.choice([0, 0, 0, 0, 0, 1, 2, 3], count)
    intended = np.sort(random.integers(0, 9 * SECOND, count))
    return runs.request_rows(
        intended,
        random.lognormal(15, 1, count).astype(np.int64) % SECOND,
        session=random.integers(0, 3, count),
        outcome=outcome,
        attempts=random.integers(1, 4, count),
        wait_ns=random.integers(0, 3, count) * MILLISECOND,
        issued_ns=intended + random.integers(0, 1000, count),
        error_kinds=np.where(outcome == kinds.NO_HOST_AVAILABLE, kinds.BUSY_QUEUE_FULL, 0),
    )


def recorded(scenario: Scenario, rows: runs.Rows) -> Record:
    recorder = Recorder(scenario, INTERVAL_NS)
    for batch in runs.batches(rows, [900]):
        recorder.requests(batch)
    runs.sample_all(
        recorder,
        scenario,
        # Level 1 until 5 s, 3 then, on each of three nodes of two clients.
        lambda at_s: {"active": 3 if at_s > 5 else 1, "rejected": int(at_s * 10)},
    )
    notes = [
        [at * SECOND, kinds.OPENED, session, 0, 0, 1] for at, session in ((0, 0), (5, 1), (7, 2))
    ]
    recorder.notes(np.array(notes, dtype=np.int64))
    return recorder.finish(scenario.duration_ns, [4, 5])


@pytest.fixture(scope="module")
def rows() -> runs.Rows:
    return random_rows()


@pytest.fixture(scope="module")
def values(rows: runs.Rows) -> dict[str, float]:
    scenario = spiked()
    return metrics_of(recorded(scenario, rows), scenario, SECOND)


def test_every_metric_of_the_registry_and_no_other_has_a_value() -> None:
    fault = Fault(2 * SECOND, SECOND, 0, "dc1/1", "stop")
    scenario = spiked(faults=(fault,))
    found = metrics_of(recorded(scenario, random_rows()), scenario, SECOND)
    expected = set()
    own = [metric for metric in METRICS.values() if metric.of_driver in ("", "java3")]
    for metric in own:
        for client in ("", "api", "batch"):
            for phase in ("", "spike") if metric.with_phase else ("",):
                if phase and metric.name == "unfinished":
                    continue  # which requests are on their way is not known by phase
                for statistic in metric.statistics or ("",):
                    expected.add(str(MetricName(metric.name, statistic, client, phase)))
    assert set(found) == expected
    assert all(str(parse_metric(name)) == name for name in found)


def column(rows: runs.Rows, name: str) -> np.ndarray:
    return rows[:, COLUMN[name]]


@pytest.mark.parametrize("prefix", ["", "api/", "batch/"])
@pytest.mark.parametrize(("suffix", "window"), [("", (SECOND, 10 * SECOND)), ("@spike", SPIKE)])
def test_durations_are_of_requests_that_ended_ok_and_began_in_the_window(
    rows: runs.Rows, values: dict[str, float], prefix: str, suffix: str, window: tuple[int, int]
) -> None:
    intended = column(rows, "intended_ns")
    member = {"": column(rows, "session") >= 0, "api/": column(rows, "session") < 2}.get(
        prefix, column(rows, "session") == 2
    )
    chosen = member & (column(rows, "outcome") == 0)
    chosen &= (intended >= window[0]) & (intended < window[1])
    durations = {
        "latency": column(rows, "ended_ns") - intended,
        "wait": column(rows, "wait_ns"),
        "service": column(rows, "service_ns"),
        "issue_wait": column(rows, "issued_ns") - intended,
    }
    for name, every in durations.items():
        own = every[chosen] / SECOND
        exact = {"mean": own.mean(), "max": own.max(), "min": own.min()}
        for statistic, value in exact.items():
            found = values[f"{prefix}{name}.{statistic}{suffix}"]
            assert found == pytest.approx(value, rel=1e-12)
        for statistic, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)):
            exact_quantile = np.quantile(own, share, method="inverted_cdf")
            found = values[f"{prefix}{name}.{statistic}{suffix}"]
            assert found == pytest.approx(exact_quantile, rel=0.001)


def test_counts_are_of_requests_intended_in_the_window(
    rows: runs.Rows, values: dict[str, float]
) -> None:
    intended, outcome = column(rows, "intended_ns"), column(rows, "outcome")
    inside = (intended >= SPIKE[0]) & (intended < SPIKE[1])
    assert values["requests@spike"] == inside.sum()
    assert values["errors@spike"] == (inside & (outcome > 0)).sum()
    assert values["client_timeouts@spike"] == (inside & (outcome == 2)).sum()
    assert values["no_host_available@spike"] == (inside & (outcome == 1)).sum()
    assert values["connection_errors@spike"] == (inside & (outcome == 3)).sum()
    assert values["retries@spike"] == (column(rows, "attempts") - 1)[inside].sum()
    assert values["error_rate@spike"] == (inside & (outcome > 0)).sum() / inside.sum()
    assert values["rejection_rate@spike"] == (inside & (outcome == 1)).sum() / inside.sum()
    assert values["requests"] == (intended >= SECOND).sum()


def test_throughput_is_of_requests_that_ended_ok_in_the_window(
    rows: runs.Rows, values: dict[str, float]
) -> None:
    ended, fine = column(rows, "ended_ns"), column(rows, "outcome") == 0
    assert values["throughput"] == pytest.approx((fine & (ended >= SECOND)).sum() / 9)
    inside = fine & (ended >= SPIKE[0]) & (ended < SPIKE[1])
    assert values["throughput@spike"] == pytest.approx(inside.sum() / 2)


def test_levels_are_summed_over_nodes_and_clients_and_weighted_by_time(
    values: dict[str, float],
) -> None:
    # 9 s after the warm-up, of which 4 s at level 1 and 5 s at level 3; six rows a sample.
    assert values["open_connections.mean"] == pytest.approx(6 * (4 * 1 + 5 * 3) / 9)
    assert values["api/open_connections.mean@spike"] == pytest.approx(3 * 2)
    assert values["open_connections.max"] == 18
    assert values["open_connections.min"] == 6
    assert values["open_connections.end@spike"] == 18
    assert values["open_connections.end"] == 18


def test_rejections_are_what_the_samples_grew_by(values: dict[str, float]) -> None:
    assert values["rejected"] == 6 * 90
    assert values["api/rejected@spike"] == 3 * 20


def test_notes_are_counted_after_the_warm_up(values: dict[str, float]) -> None:
    assert values["connections_opened"] == 2
    assert values["api/connections_opened"] == 1
    assert values["connections_opened@spike"] == 1
    assert values["batch/connections_opened@spike"] == 0


def test_unfinished_requests_are_those_of_the_engine(values: dict[str, float]) -> None:
    assert (values["unfinished"], values["api/unfinished"], values["batch/unfinished"]) == (9, 4, 5)


def test_what_does_not_exist_is_not_a_number() -> None:
    scenario = spiked(warm_up_ns=SPIKE[1])
    rows = random_rows()
    rows = rows[column(rows, "session") == 2]
    found = metrics_of(recorded(scenario, rows), scenario, SPIKE[1])
    assert np.isnan(found["api/latency.p99"])
    assert found["api/requests"] == 0
    assert np.isnan(found["api/error_rate"])
    # The phase lies before the end of the warm-up.
    assert np.isnan(found["throughput@spike"])
    assert np.isnan(found["open_connections.max@spike"])


def test_samples_at_the_ends_of_intervals_alone_are_enough() -> None:
    scenario = spiked(warm_up_ns=SECOND)
    recorder = Recorder(scenario, INTERVAL_NS)
    recorder.sample(0, runs.sample_table(scenario, active=100))
    for time_ns in range(INTERVAL_NS, scenario.duration_ns + 1, INTERVAL_NS):
        table = runs.sample_table(scenario, active=1, rejected=time_ns // INTERVAL_NS)
        recorder.sample(time_ns, table)
    found = metrics_of(recorder.finish(scenario.duration_ns, [0, 0]), scenario, 0)
    assert found["open_connections.max"] == 6
    assert found["rejected@spike"] == 6 * 20


def test_an_m_m_1_queue_has_the_mean_latency_of_theory() -> None:
    node = runs.Node(1, runs.Law("exponential", mean_ns=500_000))
    scenario = runs.scenario(node=node, duration_ns=100 * SECOND, warm_up_ns=SECOND)
    recorder = Recorder(scenario, SECOND)
    end = runs.simulate(scenario, 0, recorder, engine="auto", progress=None)
    found = metrics_of(recorder.finish(end.end_ns, end.unfinished), scenario, SECOND)
    # 1000/s at 0.5 ms: half loaded, so the mean time in the system is 1 ms, the median ln 2 ms.
    assert found["latency.mean"] == pytest.approx(1e-3, rel=0.03)
    assert found["latency.p50"] == pytest.approx(np.log(2) * 1e-3, rel=0.03)
    assert found["latency.p99"] == pytest.approx(np.log(100) * 1e-3, rel=0.08)
    assert found["throughput"] == pytest.approx(1000, rel=0.02)
