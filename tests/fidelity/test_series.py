"""Timelines of a page: what is summed over the hosts is summed at the same time."""

from __future__ import annotations

import numpy as np

from poolsim.fidelity.observed import HostSamples, Integers, Observed, Requests
from poolsim.fidelity.series import _timeline

MS = 1_000_000


def _integers(*values: int) -> Integers:
    return np.array(values, dtype=np.int64)


def _host(at_ns: Integers, in_flight: Integers) -> HostSamples:
    one, none = np.ones_like(at_ns), np.zeros_like(at_ns)
    return HostSamples(at_ns, one, none, in_flight, none)


def _observed(*hosts: HostSamples) -> Observed:
    empty = _integers()
    return Observed(100 * MS, Requests(empty, empty, empty, empty, empty, empty), hosts, ())


def test_requests_that_move_to_another_host_within_a_bin_are_counted_once() -> None:
    at_ns = _integers(10, 20, 30, 60) * MS
    observed = _observed(
        _host(at_ns, _integers(160, 160, 0, 0)), _host(at_ns, _integers(0, 0, 100, 3))
    )
    timeline = _timeline(observed, np.linspace(0, 100 * MS, 3))
    assert timeline["in_flight"] == [160, 3]


def test_hosts_that_are_sampled_at_other_times_are_summed_by_what_holds_then() -> None:
    observed = _observed(
        _host(_integers(10, 60) * MS, _integers(5, 1)),
        _host(_integers(15, 55) * MS, _integers(2, 4)),
    )
    timeline = _timeline(observed, np.linspace(0, 100 * MS, 3))
    assert timeline["in_flight"] == [7, 9]
    assert timeline["connections"] == [2, 2]
