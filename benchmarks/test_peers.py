"""What is compared must simulate the same thing: those that draw alike must agree, request for
request."""

import pytest

from benchmarks.peers import c_loop, simpy_callbacks
from benchmarks.plain_simpy import simulate
from benchmarks.workload import S, Summary, W, Workload

COUNT = 20_000
SEED = 20261122


@pytest.fixture(params=[W, S], ids=["W", "S"])
def workload(request: pytest.FixtureRequest) -> Workload:
    return request.param


def expected(workload: Workload) -> Summary:
    outcome = simulate(workload, COUNT, SEED)
    latencies_s = outcome.latencies_s
    mean_s = pytest.approx(latencies_s.mean(), rel=1e-9)
    return Summary(latencies_s.size, outcome.rejected, outcome.timed_out, mean_s)


def test_callbacks(workload: Workload) -> None:
    assert simpy_callbacks.run(workload, COUNT, SEED) == expected(workload)


@pytest.mark.skipif(not c_loop.is_there(), reason="needs a C compiler")
def test_c_by_hand(workload: Workload) -> None:
    assert c_loop.run(workload, COUNT, SEED) == expected(workload)


def test_salabim(workload: Workload) -> None:
    pytest.importorskip("salabim")
    from benchmarks.peers import salabim_processes

    assert salabim_processes.run(workload, 2_000, SEED).served > 1_500
