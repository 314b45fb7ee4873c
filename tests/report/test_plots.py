"""The plots."""

import dataclasses
import itertools
import re
from collections.abc import Callable
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolsim.estimation.results import Results
from poolsim.report import canvas, plot_style
from poolsim.report.plots import Plot, plots

Drawn = Callable[[str], list[Plot]]
SVG = "{http://www.w3.org/2000/svg}"


def texts(plot: Plot) -> list[str]:
    tree = ElementTree.fromstring(plot.svg)
    return ["".join(element.itertext()) for element in tree.iter(f"{SVG}text")]


def test_the_staircase_shows_its_levels_states_and_events(drawn: Drawn) -> None:
    (plot,) = drawn("staircase")
    shown = texts(plot)
    for level in ("3rd above 228", "5th above 484", "8th above 868"):
        assert level in shown
    for word in ("active", "connecting", "trashed", "requests in flight", "peak 880"):
        assert word in shown
    for title in ("Connections and load", "Acquisition queue", "Rejected by the pools"):
        assert title in shown
    for quantile in ("p50", "p99", "max", "wait p99"):
        assert quantile in shown
    for event in ("opened", "trashed", "resurrected", "closed", "dc1/1 stalled"):
        assert event in shown
    assert "limit 256, reached" in shown
    assert "lost" not in shown
    # Phases without a name of the user's own are not named.
    assert not any(re.fullmatch(r"phase[0-9]+", text) for text in shown)


def test_a_lost_node_is_seen(drawn: Drawn) -> None:
    api, hosts, other, _ = drawn("node_failure")
    shown = texts(api)
    assert {"dc1/3 stopped", "lost", "reconnecting", "held for down", "spike"} <= set(shown)
    assert "pooling.local.max set" in shown
    assert {"p99 limit", "wait p99 limit, spike"} <= set(shown)
    batch = texts(other)
    assert "p99 limit" in batch
    assert "wait p99 limit, spike" not in batch
    assert "6th above 6 × 612" in shown
    named = texts(hosts)
    assert {f"dc1/{k}" for k in range(1, 7)} <= set(named)
    assert "Each host: connections, load and growth levels" in named
    assert "stalled" in named


def test_what_never_happened_has_no_panel(drawn: Drawn) -> None:
    plot = drawn("faint")[0]
    shown = texts(plot)
    assert "Acquisition queue" not in shown
    assert "Requests failed" not in shown
    assert "Events" not in shown
    assert "100 in flight" in shown
    assert not any("above" in text for text in shown)


def test_a_hundred_hosts_are_strips_with_some_names(drawn: Drawn) -> None:
    _, hosts = drawn("fleet")
    named = [text for text in texts(hosts) if text.startswith("dc1/")]
    assert 10 <= len(named) <= 24
    assert "Requests finished by host" in texts(hosts)
    assert hosts.svg.count("<image") == 4


def test_nothing_recorded_gives_no_plot(quiet: Results) -> None:
    assert plots(quiet) == []


def test_the_same_result_gives_the_same_bytes(fleet: Results, drawn: Drawn) -> None:
    assert plots(fleet) == drawn("fleet")


def test_plots_leave_no_trace_and_heed_no_setting(staircase: Results, drawn: Drawn) -> None:
    straight = drawn("staircase")
    with matplotlib.rc_context({"font.size": 40.0, "svg.fonttype": "path", "lines.linewidth": 9}):
        before = dict(matplotlib.rcParams)
        assert plots(staircase) == straight
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", ["staircase", "node_failure", "fleet", "faint", "hostile"])
def test_a_plot_is_well_formed_and_needs_nothing_else(name: str, drawn: Drawn) -> None:
    for plot in drawn(name):
        tree = ElementTree.fromstring(plot.svg)
        names = [element.get("id") for element in tree.iter() if element.get("id")]
        assert len(names) == len(set(names))
        for element in tree.iter():
            for key, value in element.attrib.items():
                if key.endswith("href"):
                    assert value.startswith(("#", "data:image/png;base64,"))
        assert "NaN" not in plot.svg
        assert not re.search(r"<(dc|cc|rdf):|<metadata", plot.svg)


def test_identifiers_differ_between_plots(drawn: Drawn) -> None:
    found: list[str] = []
    for plot in drawn("node_failure"):
        found += re.findall(r'id="([^"]+)"', plot.svg)
    assert len(found) == len(set(found))


def test_hostile_names_are_text(drawn: Drawn) -> None:
    (plot,) = drawn("hostile")
    assert "<script" not in plot.svg
    assert "\x1b" not in plot.svg
    assert "\u202e" not in plot.svg
    assert "<script>" in plot.title


def test_every_colour_of_a_plot_has_a_dark_one(drawn: Drawn) -> None:
    used: set[str] = set()
    for plot in drawn("node_failure"):
        used |= set(re.findall(r"#[0-9a-f]{6}\b", re.sub(r"(href|id)=\S+", "", plot.svg)))
    assert len(used) > 10
    # White is the ground of a picture that stands alone.
    assert used <= {*plot_style.DARK, "#ffffff"}


def test_the_warm_up_is_shaded_and_named(staircase: Results, drawn: Drawn) -> None:
    (plot,) = plots(dataclasses.replace(staircase, warm_up_s=30.0))
    assert "warm-up" in texts(plot)
    assert "warm-up" not in texts(drawn("staircase")[0])


def test_a_single_interval_and_a_gap_are_drawn(staircase: Results) -> None:
    first = staircase.replications[0]
    for timeline in (first.timeline.iloc[:1], first.timeline.assign(latency_p99_s=np.nan)):
        cut = dataclasses.replace(first, timeline=timeline)
        (plot,) = plots(dataclasses.replace(staircase, replications=(cut,)))
        assert "NaN" not in plot.svg.replace("latency", "")


@given(st.lists(st.floats(0, 200), max_size=12).map(sorted))
def test_labels_are_moved_apart_and_stay_in_order(heights: list[float]) -> None:
    spread = canvas.spread_apart(heights, 14.0)
    assert len(spread) == len(heights)
    assert all(b - a >= 14.0 - 1e-6 for a, b in itertools.pairwise(spread))
    if all(b - a >= 14.0 for a, b in itertools.pairwise(heights)):
        assert spread == pytest.approx(heights)


@given(st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_round_and_few(top: float, most: int) -> None:
    ticks = plot_style.value_ticks(top, most)
    assert 1 <= len(ticks) <= most + 2
    assert ticks[0] == 0
    assert ticks[-1] <= top * (1 + 1e-6)
    times = plot_style.time_ticks(top, most)
    assert len(times) <= most + 1


@pytest.mark.parametrize(
    ("time_s", "end_s", "text"),
    [
        (0, 60, "0"),
        (15, 60, "15s"),
        (0.5, 2, "500ms"),
        (150, 300, "2:30"),
        (3661, 40_000, "1:01:01"),
    ],
)
def test_times_on_the_axis(time_s: float, end_s: float, text: str) -> None:
    assert plot_style.clock(time_s, end_s) == text
