"""The panels of a client's plot.

Timeline columns are the state at the end of an interval, so each interval is drawn as a step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poolsim.report import plot_style as style
from poolsim.report.canvas import Label, Panel, Span, duration_labels, log_ticks
from poolsim.report.growth import growth_levels, pooling_periods
from poolsim.report.series import Array, ClientSeries
from poolsim.report.units import TIMES, counted, quantity
from poolsim.scenario.scenario import Client, Scenario

MOST_LEVELS = 24
FAINT_LOAD = 0.12
"""Below this share of what its connections carry, the load gets a scale of its own."""


@dataclass(frozen=True, slots=True)
class PoolView:
    """What the connections panel of one host, or of all hosts together, is drawn from.

    Arrays of shape (intervals,); `pools` pools (instances times hosts) share the load.
    """

    edges_s: Array
    active: Array
    connecting: Array
    trashed: Array
    in_flight: Array
    max_load: Array
    pools: int
    distance: str

    @property
    def peak_load(self) -> float:
        """Most requests in flight at the end of an interval."""
        return float(self.in_flight.max(initial=0))

    @property
    def peak_connections(self) -> float:
        """Most connections of any state at the end of an interval."""
        return float((self.active + self.connecting + self.trashed).max(initial=0))


def pool_view(series: ClientSeries, client: Client, distance: str, host: int | None) -> PoolView:
    """The view of one host (its index) or of all hosts (None)."""

    def values(column: str) -> Array:
        return series.total(column) if host is None else series.values[column][host]

    return PoolView(
        edges_s=series.edges_s,
        active=values("active"),
        connecting=values("connecting"),
        trashed=values("trashed"),
        in_flight=values("in_flight"),
        max_load=values("max_load"),
        pools=client.instances * (len(series.hosts) if host is None else 1),
        distance=distance,
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """The connections panel's two scales: `unit` requests in flight are as high as a connection.

    `matched`: the unit is what a connection carries, so that the load touches the top of the
    active connections when every stream is taken. Where the load is too small to be seen like
    that, the unit is chosen to show it.
    """

    unit: float
    top: float
    matched: bool


def scale_of(view: PoolView, scenario: Scenario, client: Client) -> Scale:
    """The scales for a view; the next growth level above the peak is kept in sight where near."""
    periods = pooling_periods(scenario, client, view.distance)
    per_connection = float(max(period.pooling.max_requests for period in periods)) or 1.0
    connections = max(view.peak_connections, 1.0)
    if view.peak_load < FAINT_LOAD * per_connection * max(float(view.active.max(initial=0)), 1.0):
        unit = view.peak_load / (0.6 * connections) if view.peak_load else 1.0
        return Scale(unit, connections * 1.3, False)
    top = max(connections, view.peak_load / per_connection)
    for period in periods:
        for level in growth_levels(client, period.pooling):
            height = view.pools * level.in_flight / per_connection
            if top < height <= top * 1.25:
                top = height
    return Scale(per_connection, top * 1.07, True)


def draw_connections(
    panel: Panel, view: PoolView, scale: Scale, scenario: Scenario, client: Client
) -> tuple[list[float], list[Label]]:
    """Connections by state as stacked areas, the load as a line, the growth levels as dashes.

    Gives the ticks of the connections' scale and the labels of the levels.
    """
    panel.set_heights(0, scale.top)
    edges = view.edges_s
    bottom = np.zeros_like(view.active)
    for values, colour in (
        (view.active, style.ACTIVE),
        (view.connecting, style.CONNECTING),
        (view.trashed, style.TRASHED),
    ):
        panel.area(edges, bottom, bottom + values, colour)
        bottom = bottom + values
    panel.steps(edges, view.active, style.ACTIVE_EDGE, 1.0)
    labels = _draw_levels(panel, view, scale, scenario, client) if scale.matched else []
    capacity = view.max_load / scale.unit
    if scale.matched and np.abs(capacity - view.active).max(initial=0) > 0.01:
        panel.steps(edges, capacity, style.MUTED, 1.0)
        labels.append(Label(float(capacity[-1]), "max load", style.MUTED))
    panel.line(edges[1:], view.in_flight / scale.unit, style.LOAD, 1.7)
    step = max(1, math.ceil(scale.top / (panel.height / 24)))
    if step > 2:
        step = max(1, int(style.round_step(scale.top, int(panel.height / 24))))
    return [float(tick) for tick in range(0, int(scale.top) + 1, step)], labels


def _draw_levels(
    panel: Panel, view: PoolView, scale: Scale, scenario: Scenario, client: Client
) -> list[Label]:
    periods = pooling_periods(scenario, client, view.distance)
    labels: list[Label] = []
    each = f"{view.pools:,} {TIMES} " if view.pools > 1 else ""
    for period in periods:
        for level in growth_levels(client, period.pooling)[:MOST_LEVELS]:
            height = view.pools * level.in_flight / scale.unit
            if height > scale.top:
                continue
            span = (period.from_s, period.to_s)
            panel.level(height, style.LEVEL, 0.9, style.DASHED, span)
            if period is periods[-1]:
                text = f"{_ordinal(level.connection)} above {each}{level.in_flight:,}"
                labels.append(Label(height, text, style.LEVEL))
    # More labels than fit say less than a few.
    step = math.ceil(len(labels) * 14 / panel.height) if labels else 1
    return labels[::step]


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def load_labels(scale: Scale) -> list[Label]:
    """Labels of the load's own scale, where no growth level tells it."""
    ticks = style.value_ticks(scale.top * scale.unit * 0.98, 3)[1:]
    return [
        Label(tick / scale.unit, f"{style.compact(tick, 'count')} in flight", style.MUTED)
        for tick in ticks
    ]


def mark_peak(panel: Panel, view: PoolView, scale: Scale) -> None:
    """Names the highest load where it occurs."""
    if not view.peak_load:
        return
    x = float(view.edges_s[int(view.in_flight.argmax()) + 1])
    right = x > 0.85 * panel.end_s
    shift = 5 * panel.end_s / panel.width
    panel.write(
        x - shift if right else x + shift,
        view.peak_load / scale.unit + 8 * scale.top / panel.height,
        f"peak {view.peak_load:,.0f}",
        style.LOAD,
        ha="right" if right else "left",
        fontweight="bold",
    )


def connections_note(view: PoolView, scale: Scale, levels: bool) -> str:
    """How to read the connections panel, `levels`: with growth levels in it."""
    if not scale.matched:
        return "load on a scale of its own (at the right): far below what the connections carry"
    text = f"a connection is as high as the {scale.unit:,.0f} requests it carries"
    if levels and view.pools > 1:
        text += f"; growth levels as if {counted(view.pools, 'pool')} shared the load evenly"
    return text


def draw_queue(
    panel: Panel, series: ClientSeries, client: Client
) -> tuple[list[float], list[Label]]:
    """The acquisition queues' depth, with their limit where it is near."""
    pending = series.total("pending")
    peak = float(pending.max(initial=0))
    pools = client.instances * len(series.hosts)
    limit = client.options.max_queue_size * pools if client.driver == "java3" else 0
    near = 0 < limit <= 3 * peak
    top = max(peak, limit if near else 0)
    panel.set_heights(0, top * 1.1)
    panel.area(series.edges_s, np.zeros_like(pending), pending, style.QUEUE)
    labels = [Label(peak, f"peak {peak:,.0f}", style.QUEUE_TEXT)]
    if near:
        panel.level(limit, style.MUTED, 0.9, style.DOTTED)
        each = f"{pools:,} {TIMES} " if pools > 1 else ""
        text = f"limit {each}{client.options.max_queue_size:,}"
        if peak >= limit * 0.98:
            labels = [Label(limit, f"{text}, reached", style.QUEUE_TEXT)]
        else:
            labels.append(Label(limit, text, style.MUTED))
    return style.value_ticks(top, 2), labels


def draw_rate(
    panel: Panel, series: ClientSeries, column: str, colours: tuple[str, str]
) -> tuple[list[float], list[Label]]:
    """A count as a rate per second, in a fill and a text colour."""
    widths = np.diff(series.edges_s)
    counts = series.total(column)
    rates = np.divide(counts, widths, out=np.zeros_like(counts), where=widths > 0)
    peak = float(rates.max(initial=0)) or 1.0
    panel.set_heights(0, peak * 1.08)
    panel.area(series.edges_s, np.zeros_like(rates), rates, colours[0])
    label = Label(peak / 2, f"{counts.sum():,.0f} in all", colours[1])
    return style.value_ticks(peak, 2), [label]


@dataclass(frozen=True, slots=True)
class Limit:
    """What an expectation allows, in seconds, over the stretches of time that it speaks of."""

    value: float
    text: str
    spans_s: tuple[tuple[float, float], ...]


def draw_latency(
    panel: Panel, series: ClientSeries, limits: Sequence[Limit]
) -> tuple[list[float], list[str], list[Label]]:
    """Latency quantiles and the wait for a stream on a logarithmic axis.

    Quantiles of several hosts cannot be joined exactly: p99 is that of the slowest host, p50 the
    mean over hosts by requests. Gives ticks, their texts and labels.
    """
    lines = (
        ("max", series.worst("latency_max_s"), style.MAXIMUM, style.MUTED, 1.0),
        ("p99", series.worst("latency_p99_s"), style.TAIL, style.TAIL, 1.8),
        ("p50", series.mean("latency_p50_s"), style.MEDIAN, style.MEDIAN_TEXT, 1.8),
        ("wait p99", series.worst("wait_p99_s"), style.QUEUE, style.QUEUE_TEXT, 1.5),
    )
    known = np.concatenate([line[1] for line in lines[:3]])
    known = known[np.isfinite(known) & (known > 0)]
    low = float(known.min()) / 1.6 if len(known) else 1e-4
    high = float(known.max()) * 1.3 if len(known) else 1.0
    high = max([high, *(limit.value * 1.3 for limit in limits if limit.value < high * 10)])
    panel.set_heights(math.log10(low), math.log10(high))
    labels = []
    for text, values, colour, text_colour, width in lines:
        with np.errstate(divide="ignore"):
            heights = np.log10(values)
        finite = np.flatnonzero(np.isfinite(values))
        if not len(finite):
            continue
        # What lies below the axis runs along under it, out of sight.
        panel.steps(series.edges_s, np.maximum(heights, panel.low - 1), colour, width)
        visible = finite[values[finite] >= low]
        if not len(visible):
            below = f"{text} below {quantity(low, 's', 1)}"
            labels.append(Label(panel.low, below, text_colour))
        elif visible[-1] >= 0.97 * len(values) - 1:
            labels.append(Label(float(heights[visible[-1]]), text, text_colour))
        else:
            _name_at_top(panel, series.edges_s, heights, text, text_colour)
    for limit in limits:
        if low <= limit.value <= high:
            height = math.log10(limit.value)
            for span in limit.spans_s:
                panel.level(height, style.REJECTED, 1.2, style.DOTTED, span)
            last = max((end for _, end in limit.spans_s), default=panel.end_s)
            if last < 0.9 * panel.end_s:
                shift = 4 * panel.end_s / panel.width
                panel.write(last + shift, height, limit.text, style.REJECTED)
            else:
                labels.append(Label(height, limit.text, style.REJECTED))
    ticks = log_ticks(low, high)
    return [math.log10(tick) for tick in ticks], duration_labels(ticks), labels


def _name_at_top(panel: Panel, edges_s: Array, heights: Array, text: str, colour: str) -> None:
    """Names a line that ends early on the line itself, under its highest stretch."""
    seen = np.nan_to_num(heights, nan=-np.inf) >= panel.low
    at = int(np.nanargmax(heights))
    first = at - int(np.argmin(seen[at::-1])) + 1 if not seen[: at + 1].all() else 0
    after = np.flatnonzero(~seen[at:])
    end = at + int(after[0]) if len(after) else len(heights)
    half = (len(text) / 2 + 0.5) * style.CHARACTER * panel.end_s / panel.width
    middle = float(edges_s[first] + edges_s[end]) / 2
    panel.write(
        min(max(middle, half), panel.end_s - half),
        float(heights[at]) - 8 * (panel.high - panel.low) / panel.height,
        text,
        colour,
        ha="center",
    )


def mark_spans(panel: Panel, spans: Sequence[Span]) -> None:
    """Names stretches of time above the panel, in as many lines as keep the names apart."""
    for span, lane in placed_in_lanes(spans, panel.width, panel.end_s):
        overhangs = _pixel(span, panel) + len(span.label) * style.CHARACTER > panel.width + 90
        panel.write(
            span.from_s,
            1 + (6 + LANE * lane) / panel.height,
            span.label,
            span.colour,
            transform=panel.across,
            va="baseline",
            ha="right" if overhangs else "left",
        )


LANE = 14.0
MOST_LANES = 4


def placed_in_lanes(spans: Sequence[Span], width: float, end_s: float) -> list[tuple[Span, int]]:
    """The spans whose names find a place, each with its line, counted from below."""
    reached = [-1.0] * MOST_LANES
    placed = []
    for span in sorted(spans, key=lambda span: span.from_s):
        start = max(0.0, span.from_s) / end_s * width
        lane = next((k for k, right in enumerate(reached) if start >= right), None)
        if lane is not None:
            reached[lane] = start + len(span.label) * style.CHARACTER + 10
            placed.append((span, lane))
    return placed


def _pixel(span: Span, panel: Panel) -> float:
    return span.from_s / panel.end_s * panel.width


def mark_stalls(panel: Panel, spans: Sequence[Span]) -> None:
    """A bar along the top of the panel for each stall."""
    for span in spans:
        high = 1 - 2 / panel.height
        how = {"transform": panel.across, "solid_capstyle": "butt"}
        panel.line((span.from_s, span.to_s), (high, high), style.REJECTED, 4, **how)
        half = len(span.label) * style.CHARACTER / 2 * panel.end_s / panel.width
        middle = (span.from_s + span.to_s) / 2
        panel.write(
            min(max(middle, half), panel.end_s - half),
            1 - 14 / panel.height,
            span.label,
            style.REJECTED,
            transform=panel.across,
            ha="center",
            fontweight="bold",
        )
