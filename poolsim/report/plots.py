"""The plots of a result as SVG: for each client what its pools did, and what each host saw.

All plots show the first replication. matplotlib is imported when the first plot is made, through
its object interface: nothing here touches pyplot or leaves a setting behind.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.estimation.results import Results
from poolsim.recording.grid import phase_windows
from poolsim.report import plot_panels as panels
from poolsim.report import plot_style as style
from poolsim.report import tables
from poolsim.report.canvas import Canvas, Panel, Span, settings
from poolsim.report.growth import NANOSECONDS, distance_of
from poolsim.report.plot_events import ROW_HEIGHT, StripRow, down_rows, draw_strip, strip_rows
from poolsim.report.plot_hosts import host_plot
from poolsim.report.plot_panels import Limit
from poolsim.report.series import ClientSeries, client_series, thinned
from poolsim.report.words import FAULT_WORDS
from poolsim.scenario.scenario import Client, Scenario

MOST_INTERVALS = 420
"""A plot is about a thousand pixels wide; more steps than this cannot be seen."""

MOST_CLIENTS = 4
MOST_PHASES = 5

PANELS = (
    ("connections", 236.0, "Connections and load"),
    ("pending", 62.0, "Acquisition queue"),
    ("rejected", 44.0, "Rejected by the pools"),
    ("latency", 128.0, "Latency from the intended start"),
    ("requests", 62.0, "Requests finished"),
    ("errors", 44.0, "Requests failed"),
    ("events", 0.0, "Events"),
)
"""The panels from above: key, height in pixels, title."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture: `name` for a file, `title` and `description` for readers, the SVG."""

    name: str
    title: str
    description: str
    svg: str


def plots(results: Results) -> list[Plot]:
    """The plots of the first clients: their pools, then their hosts where there are several.

    Empty where nothing was recorded.
    """
    made: list[Plot] = []
    first = results.replications[0]
    timeline, events = tables.timeline(first), tables.events(first)
    for number, client in enumerate(results.scenario.clients[:MOST_CLIENTS]):
        series = client_series(timeline, results.scenario.node_names, client.name)
        if not len(series.hosts) or series.edges_s[-1] <= 0:
            continue
        shown = style.name(client.name, 40)
        with settings(f"poolsim-client-{number}"):
            rows = strip_rows(events, client.name)
            svg = _client_svg(results, client, thinned(series, MOST_INTERVALS), rows)
        made.append(Plot(f"client-{number + 1}", shown, _description(client, series), svg))
        if len(series.hosts) > 1:
            with settings(f"poolsim-hosts-{number}"):
                svg = host_plot(results, client, series)
            text = f"Connections and requests of {shown} on each of {len(series.hosts)} hosts"
            made.append(Plot(f"client-{number + 1}-hosts", f"{shown}: by host", text, svg))
    return made


def _description(client: Client, series: ClientSeries) -> str:
    """What the picture shows, for those who cannot see it."""
    active, load = series.total("active"), series.total("in_flight")
    return (
        f"Over time, for client {style.name(client.name, 40)}: connections by state (at most "
        f"{int(active.max())} active) against requests in flight (at most {int(load.max())}), "
        f"acquisition queue (at most {int(series.total('pending').max())}), rejections "
        f"({int(series.total('rejected').sum())}), latency, requests and errors, events"
    )


def _client_svg(
    results: Results, client: Client, series: ClientSeries, rows: list[StripRow]
) -> str:
    scenario = results.scenario
    end_s = float(series.edges_s[-1])
    faults = fault_spans(scenario, end_s)
    changes = _changes(scenario, client)
    warm_up = Span(0.0, min(results.warm_up_s, end_s), "warm-up", style.QUIET)
    shaded = faults + ([warm_up] if results.warm_up_s > 0 else [])
    marks = shaded + changes + _phases(client, end_s)
    down = down_rows(series)
    placed = panels.placed_in_lanes(marks, style.WIDTH - style.LEFT - style.RIGHT, end_s)
    lanes = max((lane + 1 for _, lane in placed), default=0)

    places: dict[str, tuple[float, float, str]] = {}
    top = 52.0 + panels.LANE * lanes
    for key, height, title in PANELS:
        if key == "events":
            height = ROW_HEIGHT * (len(rows) + len(down))
        # A panel with nothing to show is left out.
        if key in ("pending", "rejected", "errors") and not series.total(key).any():
            continue
        if height:
            places[key] = (top, height, title)
            top += height + (48.0 if key == "connections" else 36.0)
    canvas = Canvas(top - 12.0, end_s)
    ticks = style.time_ticks(end_s, 12)

    for key, (top, height, title) in places.items():
        panel = canvas.panel(top, height)
        panel.shade(shaded)
        for change in changes:
            panel.moment(change.from_s, style.LEVEL)
        if key == "connections":
            heights = _connections(canvas, panel, results, client, series)
            panels.mark_spans(panel, marks)
        else:
            canvas.title(top - 9, title)
            heights = []
        if key == "events":
            draw_strip(panel, rows, down, series.edges_s)
        elif key != "connections":
            heights = _small_panel(panel, key, results, client, series)
        panel.grid(ticks, heights)
        if key == "connections" or key == list(places)[-1]:
            panel.time_labels(ticks)
    return canvas.svg()


def _connections(
    canvas: Canvas, panel: Panel, results: Results, client: Client, series: ClientSeries
) -> list[float]:
    scenario = results.scenario
    distances = {distance_of(client, host) for host in series.hosts}
    distance = "local" if "local" in distances else "remote"
    view = panels.pool_view(series, client, distance, None)
    scale = panels.scale_of(view, scenario, client)
    keys = [("■", "active", style.ACTIVE_EDGE), ("■", "connecting", style.CONNECTING)]
    keys += [("■", "trashed", style.TRASHED), ("━", "requests in flight", style.LOAD)]
    ticks, labels = panels.draw_connections(panel, view, scale, scenario, client)
    levels = any(label.colour == style.LEVEL for label in labels)
    if levels:
        keys.append(("┅", "load above which a pool opens a connection", style.LEVEL))
    else:
        labels += panels.load_labels(scale)
    canvas.title(16, "Connections and load", keys)
    note = panels.connections_note(view, scale, levels)
    canvas.write(style.LEFT, 33, note, style.MUTED, fontsize=style.SMALL)
    panels.mark_peak(panel, view, scale)
    panel.value_labels(ticks, [f"{tick:,.0f}" for tick in ticks])
    panel.labels(labels)
    panels.mark_stalls(panel, _stalls(results, client, canvas.end_s))
    return ticks


def _small_panel(
    panel: Panel, key: str, results: Results, client: Client, series: ClientSeries
) -> list[float]:
    if key == "latency":
        ticks, texts, labels = panels.draw_latency(panel, series, _limits(results, client))
    elif key == "pending":
        ticks, labels = panels.draw_queue(panel, series, client)
        texts = [style.compact(tick, "count") for tick in ticks]
    else:
        good = (style.REQUESTS, style.GOOD)
        colours = good if key == "requests" else (style.REJECTED, style.REJECTED)
        ticks, labels = panels.draw_rate(panel, series, key, colours)
        texts = [style.compact(tick, "1/s") for tick in ticks]
    panel.value_labels(ticks, texts)
    panel.labels(labels)
    return ticks


def _limits(results: Results, client: Client) -> list[Limit]:
    """Limits of the expectations that can be seen in the latency panel."""
    scenario = results.scenario
    windows = phase_windows(scenario)
    limits = []
    for one in scenario.expectations:
        seen = one.metric in ("latency", "wait") and one.statistic in ("p50", "p99", "max")
        if not seen or one.client not in ("", client.name):
            continue
        text = f"{one.metric} {one.statistic} limit".replace("latency ", "")
        spans = windows.get(one.phase, ()) if one.phase else ((0, scenario.duration_ns),)
        if one.phase:
            text += f", {style.name(one.phase, 10)}"
        seconds = [(start / NANOSECONDS, end / NANOSECONDS) for start, end in spans]
        limits.append(Limit(one.value, text, tuple(seconds)))
    return limits


def fault_spans(scenario: Scenario, end_s: float) -> list[Span]:
    """The faults as stretches of time."""
    spans = []
    for fault in scenario.faults:
        start = fault.at_ns / NANOSECONDS
        stop = fault.end_ns(scenario.duration_ns) / NANOSECONDS
        label = f"{style.name(fault.node_name)} {FAULT_WORDS.get(fault.kind, fault.kind)}"
        spans.append(Span(start, min(stop, end_s), label, style.FAULT))
    return spans


def _changes(scenario: Scenario, client: Client) -> list[Span]:
    spans = []
    for change in scenario.changes:
        if change.client == client.name:
            at = change.at_ns / NANOSECONDS
            spans.append(Span(at, at, f"{style.name(change.path, 36)} set", style.LEVEL))
    return spans


def _phases(client: Client, end_s: float) -> list[Span]:
    """Phases of the load that the user named; many would bury the faults."""
    spans = [
        Span(phase.at_ns / NANOSECONDS, end_s, style.name(phase.name), style.MUTED)
        for number, phase in enumerate(client.load.phases, 1)
        if phase.name and phase.name != f"phase{number}"
    ]
    return spans if len(spans) <= MOST_PHASES else []


def _stalls(results: Results, client: Client, end_s: float) -> list[Span]:
    """The client's stalls, those that overlap as one."""
    spans: list[Span] = []
    chosen = [stall for stall in results.stalls if stall.client == client.name]
    for stall in sorted(chosen, key=lambda stall: stall.from_s):
        node = style.name(stall.node)
        stop = min(stall.to_s, end_s)
        if spans and stall.from_s <= spans[-1].to_s:
            stop = max(stop, spans[-1].to_s)
            spans[-1] = Span(spans[-1].from_s, stop, "pools stalled", style.REJECTED)
        else:
            spans.append(Span(stall.from_s, stop, f"{node} stalled", style.REJECTED))
    return spans
