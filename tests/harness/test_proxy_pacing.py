"""The paced node: a FIFO of workers in virtual time, and the services that poolsim itself draws."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolsim.engine.draws import Draws
from poolsim.harness.proxy.pacing import Fifo, Services, read_services
from poolsim.model.laws.durations import quantile_ns
from poolsim.scenario.scenario import Law

LAW = {"kind": "lognormal", "median_ns": 4_000_000, "p99_ns": 20_000_000}


def plain_fifo(workers: int, jobs: list[tuple[int, int]]) -> list[int]:
    """The same, told another way: each job goes to the worker that can begin it first."""
    free = [0] * workers
    finishes = []
    for arrived, service in jobs:
        chosen = min(range(workers), key=lambda worker: max(free[worker], arrived))
        free[chosen] = max(free[chosen], arrived) + service
        finishes.append(free[chosen])
    return finishes


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30)), max_size=60),
)
def test_finishes_are_those_of_a_plain_fifo(workers: int, steps: list[tuple[int, int]]) -> None:
    arrived = np.cumsum([gap for gap, _ in steps]).tolist()
    jobs = [(at, service) for at, (_, service) in zip(arrived, steps, strict=True)]
    fifo = Fifo(workers)
    assert [fifo.finish(*job) for job in jobs] == plain_fifo(workers, jobs)


def test_a_node_that_stood_still_ends_everything_later() -> None:
    fifo = Fifo(2)
    fifo.finish(0, 100)
    fifo.finish(0, 10)
    fifo.shift(50, 1_000)
    assert fifo.finish(1_050, 5) == 1_055, "the idle worker is idle still"
    assert fifo.finish(1_050, 5) == 1_060
    assert fifo.finish(1_100, 5) == 1_105, "the busy one had 50 left at 50"


def test_a_node_that_ended_has_no_queue() -> None:
    fifo = Fifo(1)
    fifo.finish(0, 1_000)
    fifo.reset()
    assert fifo.finish(10, 5) == 15


def test_services_go_by_number_and_attempt() -> None:
    services = Services([array("q", [10, 11, 12]), array("q", [20, 21, 22])])
    assert [services.at(2, 0), services.at(2, 1), services.at(2, 5)] == [12, 22, 22]
    assert services.at(4, 0) == 11, "from the start again"
    assert [services.at(-1, 0) for _ in range(4)] == [10, 11, 12, 10], "in the order of arrival"


def test_a_law_is_drawn_as_a_simulation_draws_it() -> None:
    pace = {"law": LAW, "seed": 7, "replication": 2, "stream": "service/api", "requests": 5_000}
    services = read_services(pace)
    draws = Draws(7, 2)
    lane = draws.add("service/api", quantile_ns(Law(**LAW)))  # type: ignore[arg-type]
    for number, attempt in [(0, 0), (4_999, 0), (17, 1), (17, 2)]:
        assert services.at(number, attempt) == draws.at(lane, number, attempt)


def test_services_come_from_lists_and_files(tmp_path: Path) -> None:
    assert read_services({"service_ns": [5, 6]}).at(1, 0) == 6
    path = tmp_path / "services"
    np.array([7, 8, 9], dtype="<i8").tofile(path)
    assert read_services({"service_ns": [str(path)]}).at(2, 0) == 9


@pytest.mark.parametrize("pace", [{}, {"service_ns": []}, {"service_ns": "x"}])
def test_a_pace_without_services_is_refused(pace: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="service"):
        read_services(pace)
