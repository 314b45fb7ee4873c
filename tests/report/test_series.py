"""The timeline as arrays."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from poolsim.estimation.results import Results
from poolsim.report import tables
from poolsim.report.series import COUNTS, ClientSeries, client_series, thinned


def series_of(results: Results, client: str = "api") -> ClientSeries:
    timeline = tables.timeline(results.replications[0])
    return client_series(timeline, results.scenario.node_names, client)


def test_sums_and_peaks_are_those_of_the_timeline(node_failure: Results) -> None:
    series = series_of(node_failure)
    frame = node_failure.replications[0].timeline
    own = frame[frame["client"] == "api"]
    assert series.hosts == node_failure.scenario.node_names
    by_time = own.groupby("time_s")["active"].sum()
    np.testing.assert_array_equal(series.total("active"), by_time.to_numpy())
    assert series.total("requests").sum() == own["requests"].sum()
    np.testing.assert_array_equal(
        series.worst("latency_p99_s"), own.groupby("time_s")["latency_p99_s"].max().to_numpy()
    )


def test_the_order_of_the_rows_does_not_matter(node_failure: Results) -> None:
    straight = series_of(node_failure)
    first = node_failure.replications[0]
    shuffled = first.timeline.sample(frac=1.0, random_state=3)
    series = client_series(shuffled, node_failure.scenario.node_names, "api")
    for column, values in straight.values.items():
        np.testing.assert_array_equal(series.values[column], values)


def test_columns_and_frames_give_the_same_series(node_failure: Results) -> None:
    columns = tables.columns_of(node_failure.replications[0].timeline)
    series = client_series(columns, node_failure.scenario.node_names, "batch")
    straight = series_of(node_failure, "batch")
    for column, values in straight.values.items():
        np.testing.assert_array_equal(series.values[column], values)


def test_requests_without_a_host_count_in_totals_only(staircase: Results) -> None:
    first = staircase.replications[0].timeline
    row = first.iloc[[4]].assign(node="", requests=7, errors=7, active=0)
    extended = pd.concat([first, row])
    series = client_series(extended, staircase.scenario.node_names, "api")
    plain = series_of(staircase)
    assert series.hosts == plain.hosts
    assert series.total("errors").sum() == plain.total("errors").sum() + 7
    assert series.values["errors"].sum() == plain.values["errors"].sum()


def test_a_client_that_did_nothing_has_no_hosts(staircase: Results, quiet: Results) -> None:
    assert series_of(staircase, "nobody").hosts == ()
    assert series_of(quiet).hosts == ()


@pytest.mark.parametrize("most", [1, 7, 100, 10_000])
def test_thinning_keeps_sums_peaks_and_the_end(staircase: Results, most: int) -> None:
    series = series_of(staircase)
    thin = thinned(series, most)
    assert len(thin.edges_s) - 1 <= most
    assert (thin.edges_s[0], thin.edges_s[-1]) == (series.edges_s[0], series.edges_s[-1])
    for column in COUNTS:
        assert thin.total(column).sum() == series.total(column).sum()
    for column in ("in_flight", "pending"):
        assert thin.total(column).max() == series.total(column).max()
    assert np.nanmax(thin.worst("latency_max_s")) == np.nanmax(series.worst("latency_max_s"))
    assert thin.total("active")[-1] == series.total("active")[-1]


def test_the_mean_over_hosts_is_weighted_by_requests() -> None:
    nan = np.nan
    values = {
        "latency_p50_s": np.array([[1.0, nan, nan], [4.0, 2.0, nan]]),
        "requests": np.array([[30.0, 5.0, 0.0], [10.0, 5.0, 0.0]]),
    }
    series = ClientSeries("c", ("a", "b"), np.arange(4.0), values, {})
    np.testing.assert_array_equal(series.mean("latency_p50_s"), [1.75, 2.0, nan])
    assert dataclasses.asdict(series)["hosts"] == ("a", "b")
