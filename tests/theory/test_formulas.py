"""The formulas against other ways to the same numbers, never against themselves.

Markov chains are solved from their rates as linear equations; non-Markov queues by integration, by
their integral equation, or by following customers one by one (Lindley, Kiefer and Wolfowitz).
"""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from poolsim.fidelity import theory


def stationary(births: list[float], deaths: list[float]) -> np.ndarray:
    """Stationary law of a birth-death chain, as the null space of its generator."""
    size = len(births) + 1
    generator = np.zeros((size, size))
    for n, (birth, death) in enumerate(zip(births, deaths, strict=True)):
        generator[n, n + 1] = birth
        generator[n + 1, n] = death
    generator -= np.diag(generator.sum(axis=1))
    equations = np.vstack((generator.T, np.ones(size)))
    return np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]


def queue_of(shares: np.ndarray, servers: int) -> float:
    return float(sum(max(n - servers, 0) * share for n, share in enumerate(shares)))


QUEUES = [(0.5, 1.0, 1), (1.6, 1.0, 2), (5000.0, 1 / 0.0014, 8), (20.0, 1.0, 32)]
"""(arrival rate, service rate, servers), all stable."""


@pytest.mark.parametrize(("load", "servers"), [(0.3, 1), (3.0, 4), (7.0, 8), (12.0, 8), (30.0, 40)])
def test_erlang_b_solves_the_balance_equations(load: float, servers: int) -> None:
    shares = stationary([load] * servers, [float(n + 1) for n in range(servers)])
    assert theory.erlang_b(load, servers) == pytest.approx(shares[-1], rel=1e-8)


def test_erlang_b_does_not_overflow_where_the_textbook_sum_does() -> None:
    shares = stats.poisson(1500)
    expected = shares.pmf(1536) / shares.cdf(1536)
    assert theory.erlang_b(1500.0, 1536) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("law", ["constant", "hyperexponential"])
def test_erlang_b_holds_for_other_service_laws(law: str) -> None:
    """Customers one by one through a loss system of 4 servers, load 3."""
    random = np.random.default_rng(20261122)
    count = 60_000
    arrivals = np.cumsum(random.exponential(1 / 3, count))
    if law == "constant":
        services = np.ones(count)
    else:
        fast = random.uniform(size=count) < 0.9
        services = np.where(fast, random.exponential(0.5, count), random.exponential(5.5, count))
    free_at = [0.0] * 4
    lost = np.zeros(count)
    for k, (time, service) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        earliest = free_at.index(min(free_at))
        if free_at[earliest] > time:
            lost[k] = 1.0
        else:
            free_at[earliest] = time + service
    batches = lost[1000:].reshape(50, -1).mean(axis=1)
    error = batches.std(ddof=1) / math.sqrt(50)
    assert abs(batches.mean() - theory.erlang_b(3.0, 4)) < 4 * error
    assert error < 0.01


@pytest.mark.parametrize(("arrival_rate", "service_rate", "servers"), QUEUES)
def test_mmc_solves_the_balance_equations(
    arrival_rate: float, service_rate: float, servers: int
) -> None:
    states = 700
    deaths = [min(n + 1, servers) * service_rate for n in range(states)]
    shares = stationary([arrival_rate] * states, deaths)
    load = arrival_rate / service_rate
    assert theory.erlang_c(load, servers) == pytest.approx(shares[servers:].sum(), rel=1e-6)
    queue = queue_of(shares, servers)
    assert theory.mmc_mean_queue(arrival_rate, service_rate, servers) == pytest.approx(
        queue, rel=1e-6
    )
    assert theory.mmc_mean_wait_s(arrival_rate, service_rate, servers) == pytest.approx(
        queue / arrival_rate, rel=1e-6
    )


@pytest.mark.parametrize(
    ("arrival_rate", "service_rate", "servers"),
    # The last has c mu - lambda = mu, where the two exponentials of the tail fall together.
    [*QUEUES, (1.0, 1.0, 2)],
)
@pytest.mark.parametrize("share", [0.5, 0.99, 0.999])
def test_response_quantile_agrees_with_convolving_wait_and_service(
    arrival_rate: float, service_rate: float, servers: int, share: float
) -> None:
    waiting = theory.erlang_c(arrival_rate / service_rate, servers)
    theta = servers * service_rate - arrival_rate
    time_s = theory.mmc_response_quantile_s(arrival_rate, service_rate, servers, share)

    def wait_at_most(t: float) -> float:
        return 1 - waiting * math.exp(-theta * t)

    # P(W + S <= t): the wait must be at most what the service leaves of t.
    within = integrate.quad(
        lambda s: service_rate * math.exp(-service_rate * s) * wait_at_most(time_s - s), 0, time_s
    )[0]
    assert within == pytest.approx(share, abs=1e-7)


def test_workload_w_has_its_published_figures() -> None:
    """8 workers of 1.4 ms at 5,000/s, 0.25 ms each way: 2.310 ms, 9.184 ms and 4.447 waiting."""
    rates = (5000.0, 1 / 0.0014, 8)
    quantiles = [theory.mmc_response_quantile_s(*rates, share) + 0.0005 for share in (0.5, 0.99)]
    assert [round(quantile * 1e3, 3) for quantile in quantiles] == [2.310, 9.184]
    assert round(theory.mmc_mean_queue(*rates), 3) == 4.447


def lindley_mean_wait(arrival_rate: float, services: np.ndarray, seed: int) -> tuple[float, float]:
    """Mean wait of one server over 40 batches, and its standard error."""
    gaps = np.random.default_rng(seed).exponential(1 / arrival_rate, services.size)
    steps = np.concatenate(([0.0], services[:-1] - gaps[1:]))
    sums = np.cumsum(steps)
    waits = sums - np.minimum.accumulate(sums)
    batches = waits[services.size // 10 :].reshape(40, -1).mean(axis=1)
    return float(batches.mean()), float(batches.std(ddof=1) / math.sqrt(40))


@pytest.mark.parametrize("law", ["constant", "gamma", "lognormal"])
def test_pollaczek_khinchine_agrees_with_lindley(law: str) -> None:
    random = np.random.default_rng(20261122)
    count = 800_000
    if law == "constant":
        services, variation = np.ones(count), 0.0
    elif law == "gamma":
        services, variation = random.gamma(0.5, 2.0, count), 2.0
    else:
        sigma = math.log(5.0) / stats.norm.ppf(0.99)
        services = random.lognormal(-(sigma**2) / 2, sigma, count)
        variation = theory.lognormal_squared_variation(1.0, 5.0)
    mean, error = lindley_mean_wait(0.6, services, 20261123)
    expected = theory.mg1_mean_wait_s(0.6, 1.0, variation)
    assert abs(mean - expected) < 4 * error
    assert error < 0.03 * expected


def test_pollaczek_khinchine_has_its_two_special_cases() -> None:
    exponential = theory.mg1_mean_wait_s(0.8, 1.0, 1.0)
    assert exponential == pytest.approx(theory.mmc_mean_wait_s(0.8, 1.0, 1))
    assert theory.md1_mean_wait_s(0.8, 1.0) == pytest.approx(exponential / 2)


def test_lognormal_variation_agrees_with_scipy() -> None:
    law = stats.lognorm(math.log(10) / stats.norm.ppf(0.99), scale=0.0012)
    expected = law.var() / law.mean() ** 2
    assert theory.lognormal_squared_variation(0.0012, 0.012) == pytest.approx(expected)


@pytest.mark.parametrize("load", [0.5, 3.9, 4.0, 9.0])
@pytest.mark.parametrize("places", [0, 1, 6, 40])
def test_limited_queue_solves_the_balance_equations(load: float, places: int) -> None:
    servers = 4
    deaths = [float(min(n + 1, servers)) for n in range(servers + places)]
    shares = stationary([load] * (servers + places), deaths)
    queue = theory.limited_queue(load, 1.0, servers, places)
    assert queue.rejected == pytest.approx(shares[-1], rel=1e-7, abs=1e-12)
    assert queue.mean_queue == pytest.approx(queue_of(shares, servers), rel=1e-7, abs=1e-12)
    accepted = load * (1 - shares[-1])
    assert queue.mean_wait_s == pytest.approx(queue.mean_queue / accepted)


def test_limited_queue_under_absurd_loads() -> None:
    flooded = theory.limited_queue(1e9, 1.0, 4, 1000)
    assert flooded.rejected == pytest.approx(1 - 4e-9)
    assert flooded.mean_queue == pytest.approx(1000)
    assert theory.limited_queue(0.5, 1.0, 2000, 10).rejected == 0.0


def barrer_by_integral_equation(
    arrival_rate: float, servers: int, patience_s: float
) -> tuple[float, float, float]:
    """M/M/c+D (service rate 1) from level crossings of the offered wait, on a grid.

    v(x) = lambda p e^{-c x} + lambda integral over y < min(x, T) of v(y) e^{-c (x - y)} dy, where p
    is the share of one server free; the others follow from their balance equations.
    """
    steps = 4000
    grid = np.linspace(0.0, patience_s, steps + 1)
    h = grid[1]
    density = np.zeros(steps + 1)
    density[0] = arrival_rate
    history = 0.0  # trapezoid rule of the integral, without its newest half term
    for k in range(1, steps + 1):
        history = (history + h * density[k - 1] * (0.5 if k == 1 else 1.0)) * math.exp(-servers * h)
        direct = arrival_rate * math.exp(-servers * grid[k])
        density[k] = (direct + arrival_rate * history) / (1 - arrival_rate * h / 2)
    waited_less = float(np.trapezoid(density, grid))
    # Beyond the patience nobody joins: the density falls as e^{-c x} from what it was at T.
    waited_more = density[-1] / servers
    frees = [1.0]
    for busy in range(servers - 1, 0, -1):
        frees.append(frees[-1] * busy / arrival_rate)
    total = sum(frees) + waited_less + waited_more
    mean = float(np.trapezoid(grid * density, grid)) + patience_s * waited_more
    return waited_more / total, (waited_less + waited_more) / total, mean / total


IMPATIENT = [(1.5, 2, 0.8), (2.0, 2, 1.0), (6.0, 4, 0.5), (3.0, 4, 3.0), (7.9, 8, 0.1)]
"""(arrival rate, servers, patience), service rate 1."""


@pytest.mark.parametrize(("arrival_rate", "servers", "patience_s"), IMPATIENT)
def test_constant_patience_solves_its_integral_equation(
    arrival_rate: float, servers: int, patience_s: float
) -> None:
    expected = barrer_by_integral_equation(arrival_rate, servers, patience_s)
    queue = theory.constant_patience(arrival_rate, 1.0, servers, patience_s)
    assert tuple(queue) == pytest.approx(expected, rel=1e-5)


def test_constant_patience_agrees_with_customers_one_by_one() -> None:
    arrival_rate, servers, patience_s, count = 4.4, 4, 0.6, 110_000
    random = np.random.default_rng(20261122)
    arrivals = np.cumsum(random.exponential(1 / arrival_rate, count)).tolist()
    services = random.exponential(1.0, count).tolist()
    free_at = [0.0] * servers
    waits = np.empty(count)
    for k in range(count):
        earliest = free_at.index(min(free_at))
        wait = max(free_at[earliest] - arrivals[k], 0.0)
        waits[k] = min(wait, patience_s)
        if wait <= patience_s:
            free_at[earliest] = arrivals[k] + wait + services[k]
    queue = theory.constant_patience(arrival_rate, 1.0, servers, patience_s)
    for values, expected in (
        (waits >= patience_s, queue.abandoned),
        (waits > 0, queue.waited),
        (waits, queue.mean_wait_s),
    ):
        batches = values[10_000:].reshape(50, -1).mean(axis=1)
        error = batches.std(ddof=1) / math.sqrt(50)
        assert abs(batches.mean() - expected) < 4 * error
        assert error < 0.05 * expected


def test_constant_patience_has_erlang_b_and_c_as_its_limits() -> None:
    none = theory.constant_patience(3.0, 1.0, 4, 0.0)
    assert none.abandoned == pytest.approx(theory.erlang_b(3.0, 4))
    assert none.mean_wait_s == 0.0
    endless = theory.constant_patience(3.0, 1.0, 4, 200.0)
    assert endless.abandoned < 1e-80
    assert endless.waited == pytest.approx(theory.erlang_c(3.0, 4))
    assert endless.mean_wait_s == pytest.approx(theory.mmc_mean_wait_s(3.0, 1.0, 4))


def test_constant_patience_under_absurd_loads() -> None:
    flooded = theory.constant_patience(1e5, 1.0, 4, 5.0)
    assert flooded.abandoned == pytest.approx(1 - 4e-5, rel=1e-9)
    assert flooded.mean_wait_s == pytest.approx(5.0, rel=1e-4)


@pytest.mark.parametrize(("arrival_rate", "servers", "patience_s"), IMPATIENT)
def test_exponential_patience_solves_the_balance_equations(
    arrival_rate: float, servers: int, patience_s: float
) -> None:
    states = 400
    deaths = [min(n + 1, servers) + max(n + 1 - servers, 0) / patience_s for n in range(states)]
    shares = stationary([arrival_rate] * states, deaths)
    queue = theory.exponential_patience(arrival_rate, 1.0, servers, patience_s)
    number = queue_of(shares, servers)
    assert queue.waited == pytest.approx(shares[servers:].sum(), rel=1e-6)
    assert queue.mean_wait_s == pytest.approx(number / arrival_rate, rel=1e-6)
    # Arrivals less completions: those that gave up.
    served = sum(min(n, servers) * share for n, share in enumerate(shares))
    assert queue.abandoned == pytest.approx(1 - served / arrival_rate, rel=1e-5)


def test_exponential_patience_under_absurd_loads() -> None:
    flooded = theory.exponential_patience(1e4, 1.0, 4, 5.0)
    assert flooded.abandoned == pytest.approx(1 - 4e-4, rel=1e-6)


@pytest.mark.parametrize(("workers", "servers"), [(1, 1), (5, 2), (30, 8), (6, 10), (240, 8)])
def test_closed_loop_solves_the_balance_equations(workers: int, servers: int) -> None:
    think_s, service_rate = 0.02, 500.0
    births = [(workers - n) / think_s for n in range(workers)]
    deaths = [min(n + 1, servers) * service_rate for n in range(workers)]
    shares = stationary(births, deaths)
    loop = theory.closed_loop(workers, think_s, service_rate, servers)
    at_node = sum(n * share for n, share in enumerate(shares))
    thinking = workers - at_node
    assert loop.throughput == pytest.approx(thinking / think_s, rel=1e-6)
    assert loop.response_s == pytest.approx(at_node / (thinking / think_s), rel=1e-6)
    busy = sum(min(n, servers) * share for n, share in enumerate(shares))
    assert loop.utilisation == pytest.approx(busy / servers, rel=1e-6)
    assert loop.throughput <= theory.closed_loop_bound(workers, think_s, service_rate, servers)


def test_closed_loop_agrees_with_mean_value_analysis() -> None:
    """One server and a delay: R(n) = S (1 + Q(n-1)), X(n) = n / (R + Z), Q(n) = X R."""
    queue, think_s, service_s = 0.0, 0.01, 0.0014
    for workers in range(1, 31):
        response = service_s * (1 + queue)
        throughput = workers / (response + think_s)
        queue = throughput * response
        loop = theory.closed_loop(workers, think_s, 1 / service_s, 1)
        assert loop.throughput == pytest.approx(throughput, rel=1e-9)
        assert loop.response_s == pytest.approx(response, rel=1e-9)


def test_closed_loop_without_think_time_keeps_its_servers_busy() -> None:
    assert theory.closed_loop(50, 0.0, 100.0, 8).throughput == pytest.approx(800.0)
    assert theory.closed_loop(5, 0.0, 100.0, 8).response_s == pytest.approx(0.01)


def test_pooled_streams_wait_less_than_connections_apart() -> None:
    """12 connections of 128 streams at 97 % of their streams."""
    rate = 0.97 * 12 * 128
    waits = theory.pooled_and_apart(rate, 1.0, 128, 12)
    # Erlang B from the Poisson law, then Erlang C, independently of the recursion.
    expected = []
    for load, servers in ((rate, 12 * 128), (rate / 12, 128)):
        poisson = stats.poisson(load)
        lost = poisson.pmf(servers) / poisson.cdf(servers)
        waiting = lost / (1 - load / servers * (1 - lost))
        expected.append(waiting / (servers - load))
    assert tuple(waits) == pytest.approx(expected, rel=1e-8)
    assert waits.apart_s > 20 * waits.pooled_s


@pytest.mark.parametrize(
    ("base", "maximum"), [(1000, 600_000), (1, 1), (5, 3), (7, 448), (7, 449), (3, 96), (1, 2**40)]
)
def test_reconnection_sum_is_the_sum_of_its_delays(base: int, maximum: int) -> None:
    delays, doubled = [], base
    for attempt in range(60):
        delays.append(min(doubled, maximum))
        doubled *= 2
        assert theory.reconnection_delay_ns(base, maximum, attempt) == delays[-1]
        assert theory.reconnection_sum_ns(base, maximum, attempt + 1) == sum(delays)
    assert theory.reconnection_sum_ns(base, maximum, 0) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: theory.erlang_b(-1.0, 3),
        lambda: theory.erlang_c(3.0, 3),
        lambda: theory.mmc_mean_wait_s(5.0, 1.0, 4),
        lambda: theory.mg1_mean_wait_s(1.0, 1.0, 1.0),
        lambda: theory.mmc_response_quantile_s(1.0, 2.0, 1, 1.0),
        lambda: theory.closed_loop(0, 1.0, 1.0, 1),
    ],
)
def test_what_has_no_steady_state_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"steady state|negative|between|needs"):
        call()
