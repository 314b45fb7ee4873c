"""The yardstick is only worth something if it simulates the same thing."""

import numpy as np
import pytest

from benchmarks.plain_simpy import S, W, simulate
from poolsim.fidelity import theory

COUNT = 60_000
SEED = 20261122


def test_workload_w_has_the_quantiles_of_theory() -> None:
    outcome = simulate(W, COUNT, SEED)
    assert outcome.rejected == outcome.timed_out == 0
    assert outcome.latencies_s.size == COUNT
    for share, figure_ms in ((0.5, 2.310), (0.99, 9.184)):
        expected = 2 * W.network_s + theory.mmc_response_quantile_s(
            W.rate, 1 / W.mean_service_s, W.workers, share
        )
        assert expected * 1e3 == pytest.approx(figure_ms, abs=0.0005)
        # Batches of 4,000 requests last 0.8 s, many times the queue's memory.
        batches = np.quantile(outcome.latencies_s[4000:].reshape(14, -1), share, axis=1)
        error = batches.std(ddof=1) / np.sqrt(14)
        assert abs(batches.mean() - expected) < 4 * error
        assert error < 0.1 * expected


def test_workload_s_rejects_and_times_out() -> None:
    outcome = simulate(S, COUNT, SEED)
    assert outcome.latencies_s.size + outcome.rejected + outcome.timed_out == COUNT
    assert outcome.latencies_s.size / COUNT == pytest.approx(0.84, abs=0.02)
    assert outcome.rejected / COUNT == pytest.approx(0.14, abs=0.02)
    assert outcome.timed_out / COUNT == pytest.approx(0.02, abs=0.01)
    assert outcome.latencies_s.min() > 2 * S.network_s


def test_it_is_reproducible() -> None:
    once, again = simulate(S, 2000, SEED), simulate(S, 2000, SEED)
    np.testing.assert_array_equal(once.latencies_s, again.latencies_s)
    assert simulate(S, 2000, SEED + 1).latencies_s.size != once.latencies_s.size
