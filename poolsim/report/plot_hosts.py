"""What each host of a client saw: small copies of the connections panel, then heat strips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from poolsim.estimation.results import Results
from poolsim.report import plot_panels as panels
from poolsim.report import plot_style as style
from poolsim.report.canvas import Canvas, Panel, Span
from poolsim.report.growth import NANOSECONDS, distance_of
from poolsim.report.series import Array, ClientSeries, thinned
from poolsim.scenario.scenario import Client

if TYPE_CHECKING:
    from matplotlib.colors import LinearSegmentedColormap

MOST_SMALL = 9
SMALL_INTERVALS = 150
STRIP_INTERVALS = 220
COLUMNS = 3
SMALL_HEIGHT = 104.0
SMALL_PITCH = 154.0
MARGIN = 44.0
GUTTER = 34.0
LABELLED_ROWS = 24
"""Hosts that a heat strip names one by one; of more, it names some."""


def host_plot(results: Results, client: Client, series: ClientSeries) -> str:
    """Small multiples for up to nine hosts, and heat strips of rate and connections for all."""
    end_s = float(series.edges_s[-1])
    hosts = len(series.hosts)
    small_rows = -(-hosts // COLUMNS) if hosts <= MOST_SMALL else 0
    top = 76.0 + small_rows * SMALL_PITCH if small_rows else 26.0
    row_height = 17.0 if hosts <= LABELLED_ROWS else max(3.0, 400.0 / hosts)
    canvas = Canvas(top + hosts * row_height + 24, end_s)
    if small_rows:
        _small_multiples(canvas, results, client, thinned(series, SMALL_INTERVALS))
    _strips(canvas, top, hosts * row_height, results, thinned(series, STRIP_INTERVALS))
    return canvas.svg()


def _small_multiples(
    canvas: Canvas, results: Results, client: Client, series: ClientSeries
) -> None:
    scenario = results.scenario
    views = [
        panels.pool_view(series, client, distance_of(client, host), index)
        for index, host in enumerate(series.hosts)
    ]
    scales = [panels.scale_of(view, scenario, client) for view in views]
    width = (style.WIDTH - 2 * MARGIN - (COLUMNS - 1) * GUTTER) / COLUMNS
    times = style.time_ticks(canvas.end_s, 5)
    with_levels = False
    for index, (view, scale) in enumerate(zip(views, scales, strict=True)):
        # One height for all that count alike, so that hosts can be compared.
        alike = [one for one in scales if one.matched == scale.matched]
        unit = scale.unit if scale.matched else max(one.unit for one in alike)
        scale = panels.Scale(unit, max(one.top for one in alike), scale.matched)
        row, column = divmod(index, COLUMNS)
        left = MARGIN + column * (width + GUTTER)
        y = 46.0 + row * SMALL_PITCH
        host = series.hosts[index]
        name = style.name(host, 20)
        canvas.write(left, y - 7, name, fontweight="bold", fontsize=style.SMALL)
        state = f"most {int(view.active.max())} connections, peak load {int(view.peak_load):,}"
        end = left + width
        canvas.write(end, y - 7, state, style.MUTED, ha="right", fontsize=style.SMALL)
        panel = canvas.panel(y, SMALL_HEIGHT, left, style.WIDTH - left - width)
        panel.shade(_spans(results, host, canvas.end_s))
        ticks, levels = panels.draw_connections(panel, view, scale, scenario, client)
        with_levels = with_levels or bool(levels)
        panel.grid(times, ticks)
        panel.value_labels(ticks, [f"{tick:,.0f}" for tick in ticks])
        panel.time_labels(times)
        stalls = [
            Span(stall.from_s, min(stall.to_s, canvas.end_s), "stalled", style.REJECTED)
            for stall in results.stalls
            if stall.client == client.name and stall.node == host
        ]
        panels.mark_stalls(panel, stalls)
    title = "Each host: connections, load and growth levels"
    canvas.title(14, title if with_levels else "Each host: connections and load", x=MARGIN)


def _spans(results: Results, host: str, end_s: float) -> list[Span]:
    """The faults of one host."""
    return [
        Span(
            fault.at_ns / NANOSECONDS,
            min(end_s, fault.end_ns(results.scenario.duration_ns) / NANOSECONDS),
            "",
            style.FAULT,
        )
        for fault in results.scenario.faults
        if fault.node_name == host
    ]


def _strips(
    canvas: Canvas, top: float, height: float, results: Results, series: ClientSeries
) -> None:
    left, middle, right = style.LEFT, 46.0, 30.0
    width = (style.WIDTH - left - middle - right) / 2
    widths = np.diff(series.edges_s)
    rates = series.values["requests"] / np.where(widths > 0, widths, 1.0)
    times = style.time_ticks(canvas.end_s, 7)
    for number, (title, values, unit) in enumerate(
        (
            ("Requests finished by host", rates, "1/s"),
            ("Active connections by host", series.values["active"], "count"),
        )
    ):
        start = left + number * (width + middle)
        peak = float(values.max(initial=0))
        canvas.write(start, top - 9, title, fontweight="bold")
        most = style.compact(float(f"{peak:.3g}"), unit)
        _scale_key(canvas, start + width, top - 9, most)
        panel = canvas.panel(top, height, start, style.WIDTH - start - width)
        _heat(panel, values, peak)
        panel.time_labels(times)
        if number == 0:
            _host_names(panel, series.hosts)
        _fault_frames(panel, results, series)


def _heat(panel: Panel, values: Array, peak: float) -> None:
    hosts = len(values)
    panel.set_heights(hosts, 0)
    panel.axes.imshow(
        values,
        aspect="auto",
        interpolation="none",
        cmap=_colours(),
        vmin=0,
        vmax=peak if peak > 0 else 1,
        extent=(0, panel.end_s, hosts, 0),
    )


def _colours() -> LinearSegmentedColormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("load", style.HEAT)


def _scale_key(canvas: Canvas, x: float, y: float, most: str) -> None:
    """A bar from 0 to the most, right-aligned at `x`."""
    bar = 84.0
    end = x - len(most) * style.CHARACTER - 8
    panel = canvas.panel(y - 9, 9, end - bar, style.WIDTH - end)
    panel.axes.imshow(
        np.linspace(0, 1, 64)[np.newaxis, :],
        aspect="auto",
        interpolation="none",
        cmap=_colours(),
        extent=(0, canvas.end_s, 0, 1),
    )
    small: dict[str, Any] = {"fontsize": style.SMALL, "ha": "right"}
    canvas.write(end - bar - 6, y, "0", style.MUTED, **small)
    canvas.write(x, y, most, style.MUTED, **small)


def _host_names(panel: Panel, hosts: tuple[str, ...]) -> None:
    step = 1 if len(hosts) <= LABELLED_ROWS else -(-len(hosts) // 20)
    rows = range(0, len(hosts), step)
    panel.value_labels([row + 0.5 for row in rows], [style.name(hosts[row], 13) for row in rows])


def _fault_frames(panel: Panel, results: Results, series: ClientSeries) -> None:
    """Frames what a fault covers, in its host's row."""
    for row, host in enumerate(series.hosts):
        for span in _spans(results, host, panel.end_s):
            xs = (span.from_s, span.to_s, span.to_s, span.from_s, span.from_s)
            panel.line(xs, (row, row, row + 1, row + 1, row), style.FAULT, 1.5, clip_on=False)
