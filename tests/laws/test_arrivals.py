import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from poolsim.model.laws.arrivals import NEVER, START, CumulativeRate, arrival_times
from poolsim.scenario.scenario import Load, Phase

S = 1_000_000_000
RAMPS = (
    Phase("up", "ramp", 10 * S, 20 * S, 300.0),
    Phase("stay", "rate", 30 * S, 10 * S, 300.0),
    Phase("down", "ramp", 40 * S, 10 * S, 0.0),
    Phase("off", "rate", 50 * S, 10 * S, 0.0),
)
SHAPED = Load("poisson", rate=100.0, phases=RAMPS)


def rate_by_hand(t: float) -> float:
    """The rate of SHAPED, written out from the meaning of its phases."""
    if 10 <= t < 30:
        return 100 + (t - 10) * 10
    if 30 <= t < 40:
        return 300.0
    if 40 <= t < 50:
        return 300.0 - (t - 40) * 30
    return 0.0 if 50 <= t < 60 else 100.0


def uniforms(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=count)


def all_times(load: Load, duration_ns: int, u: np.ndarray, block: int) -> np.ndarray:
    times_of, carry, parts = arrival_times(load, duration_ns), START, []
    for first in range(0, u.size, block):
        part, carry = times_of(u[first : first + block], first, carry)
        parts.append(part)
    return np.concatenate(parts)


@pytest.mark.parametrize("kind", ["poisson", "uniform"])
def test_block_size_changes_nothing(kind: str) -> None:
    load = Load(kind, rate=100.0, phases=RAMPS)
    u = uniforms(12_000, 1)
    whole = all_times(load, 80 * S, u, 12_000)
    for block in (4096, 1000, 7):
        np.testing.assert_array_equal(all_times(load, 80 * S, u, block), whole)
    assert (np.diff(whole) >= 0).all()
    assert whole[-1] == NEVER


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_poisson_times_follow_the_rate(seed: int) -> None:
    times = all_times(SHAPED, 80 * S, uniforms(20_000, seed), 4096)
    times_s = times[times < NEVER] * 1e-9

    # Given their number, the arrivals of a Poisson process are independent with density rate / sum.
    grid = np.linspace(0.0, 80.0, 80_001)
    rates = np.array([rate_by_hand(t) for t in (grid[1:] + grid[:-1]) / 2])
    cumulative = np.concatenate(([0.0], np.cumsum(rates) * 0.001))
    total = cumulative[-1]
    shares = np.interp(times_s, grid, cumulative) / total
    assert stats.kstest(shares, "uniform").pvalue > 0.001
    assert abs(times_s.size - total) < 4 * np.sqrt(total)
    assert not ((times_s > 50) & (times_s < 60)).any()

    # And their distances, on the clock of the cumulative rate, are exponential and independent.
    gaps = np.diff(np.interp(times_s, grid, cumulative))
    assert stats.kstest(gaps, "expon").pvalue > 0.001
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 4 / np.sqrt(gaps.size)


def test_cumulative_rate_agrees_with_integration() -> None:
    cumulative = CumulativeRate(SHAPED, 80 * S)
    for knot, end_s in zip(cumulative.knots[1:], (10, 30, 40, 50, 60, 80), strict=True):
        by_hand = integrate.quad(rate_by_hand, 0, end_s, points=[10, 30, 40, 50, 60], limit=200)[0]
        assert knot == pytest.approx(by_hand, rel=1e-7)


@given(st.floats(1e-9, 1.0 - 1e-9))
def test_inverse_undoes_the_cumulative_rate(share: float) -> None:
    cumulative = CumulativeRate(SHAPED, 80 * S)
    amount = share * float(cumulative.knots[-1])
    time_s = int(cumulative.inverse_ns(np.array([amount]))[0]) * 1e-9
    points = [p for p in (10, 30, 40, 50, 60) if p < time_s]
    integral = integrate.quad(rate_by_hand, 0, time_s, points=points or None)[0]
    assert integral == pytest.approx(amount, rel=1e-6, abs=1e-5)


def test_a_spike_changes_no_arrival_before_it_and_no_number_of_a_request() -> None:
    u = uniforms(4096, 5)
    plain = all_times(Load("poisson", rate=100.0), 40 * S, u, 4096)
    spike = Phase("spike", "rate", 20 * S, 5 * S, 300.0)
    spiked = all_times(Load("poisson", rate=100.0, phases=(spike,)), 40 * S, u, 4096)
    before = plain < 20 * S
    assert 1_700 < before.sum() < 2_300
    np.testing.assert_array_equal(plain[before], spiked[before])
    assert (spiked[~before] <= plain[~before]).all()


def test_duration_changes_no_arrival_within_it() -> None:
    u = uniforms(4096, 6)
    short = all_times(Load("poisson", rate=100.0), 10 * S, u, 4096)
    long = all_times(Load("poisson", rate=100.0), 30 * S, u, 4096)
    within = long < 10 * S
    np.testing.assert_array_equal(short[within], long[within])
    assert (short[~within] == NEVER).all()


def test_uniform_requests_are_due_in_the_middle_of_their_share() -> None:
    times = all_times(Load("uniform", rate=4.0), 2 * S, uniforms(12, 1), 5)
    assert times[:8].tolist() == [S // 8 * k for k in range(1, 16, 2)]
    assert (times[8:] == NEVER).all()


def test_uniform_requests_of_a_ramp_are_due_where_its_area_says() -> None:
    ramp = Phase("", "ramp", 0, 10 * S, 10.0)
    times = all_times(Load("uniform", rate=0.0, phases=(ramp,)), 10 * S, uniforms(60, 1), 4096)
    # The area up to t seconds is t^2 / 2.
    expected = np.rint(np.sqrt(2 * (np.arange(50) + 0.5)) * S)
    np.testing.assert_allclose(times[:50], expected, atol=1)
    assert (times[50:] == NEVER).all()


def test_bursts() -> None:
    load = Load("bursts", size=3, every_ns=10, first_ns=5)
    times = all_times(load, 26, uniforms(11, 1), 4)
    assert times.tolist() == [5] * 3 + [15] * 3 + [25] * 3 + [NEVER] * 2


def test_one_burst() -> None:
    times = all_times(Load("bursts", size=3, first_ns=5), 100, uniforms(5, 1), 2)
    assert times.tolist() == [5, 5, 5, NEVER, NEVER]


def test_trace_ends_with_the_run_or_the_file() -> None:
    load = Load("trace", times_ns=(0, 4, 4, 90, 120))
    assert all_times(load, 100, uniforms(7, 1), 2).tolist() == [0, 4, 4, 90] + [NEVER] * 3
    assert all_times(load, 121, uniforms(7, 1), 2).tolist() == [0, 4, 4, 90, 120] + [NEVER] * 2


def test_no_rate_no_arrival() -> None:
    for kind in ("poisson", "uniform"):
        assert (all_times(Load(kind), S, uniforms(5, 1), 5) == NEVER).all()


@pytest.mark.parametrize(
    "load",
    [Load("closed", window=5), Load("bursts"), Load("trace", times_ns=(5, 4)), Load("tide")],
)
def test_impossible_loads_are_refused(load: Load) -> None:
    with pytest.raises(ValueError, match=r"load|burst|trace"):
        arrival_times(load, S)
