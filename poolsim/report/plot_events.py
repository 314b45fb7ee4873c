"""The event strip under a client's plot: a row per kind of event."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poolsim.report import plot_style as style
from poolsim.report import tables
from poolsim.report.canvas import Panel
from poolsim.report.series import Array, ClientSeries

STRIP_ROWS = (
    ("opened", "opened", "^", style.GOOD),
    ("resurrected", "resurrected", "^", style.MEDIAN),
    ("trashed", "trashed", "v", style.MAXIMUM),
    ("closed", "closed", "v", style.QUIET),
    ("replaced", "replaced", "D", style.CONNECTING),
    ("lost", "connection_broke", "X", style.REJECTED),
    ("dropped", "middlebox_dropped", "s", style.REJECTED),
    ("connect failed", "connect_failed", "x", style.REJECTED),
    ("reconnecting", "reconnection_attempt", "|", style.LEVEL),
    ("gave up", "reconnection_gave_up", "s", style.REJECTED),
)
"""Rows of the event strip: label, kind of event, marker, colour."""

ROW_HEIGHT = 19.0
BINS = 240
MOST_DOWN = 4


@dataclass(frozen=True, slots=True)
class StripRow:
    """One row of the event strip: the times of its events."""

    label: str
    marker: str
    colour: str
    times_s: Array


def strip_rows(events: tables.Table, client: str) -> list[StripRow]:
    """The rows that have events, of one client."""
    if not tables.rows(events):
        return []
    codes, names = tables.codes(events, "client")
    chosen = codes == names.index(client) if client in names else codes < 0
    kinds, kind_names = tables.codes(events, "kind")
    times = tables.numbers(events, "time_s")
    rows = []
    for label, kind, marker, colour in STRIP_ROWS:
        if kind in kind_names:
            found = times[chosen & (kinds == kind_names.index(kind))]
            if len(found):
                rows.append(StripRow(label, marker, colour, found))
    return rows


def down_rows(series: ClientSeries) -> list[tuple[str, Array]]:
    """Hosts that a session held for down: a row each, one for all where there are many."""
    down = series.values["down"]
    hosts = [k for k in range(len(series.hosts)) if down[k].any()]
    if len(hosts) > MOST_DOWN:
        return [(f"{len(hosts)} hosts", down.sum(axis=0))]
    return [(style.name(series.hosts[k], 20), down[k]) for k in hosts]


def draw_strip(
    panel: Panel, rows: Sequence[StripRow], down: Sequence[tuple[str, Array]], edges_s: Array
) -> None:
    """A row per kind of event with their number at the right, then hosts held for down.

    Events that fall together are drawn as one marker, the larger the more they are.
    """
    total = len(rows) + len(down)
    panel.set_heights(0, max(total, 1))
    for number, row in enumerate(rows):
        y = total - number - 0.5
        bins = np.clip((row.times_s / panel.end_s * BINS).astype(np.int64), 0, BINS - 1)
        found, counts = np.unique(bins, return_counts=True)
        times = (found + 0.5) * panel.end_s / BINS
        panel.axes.scatter(
            times,
            np.full(len(times), y),
            s=28.0 * (1 + np.log2(counts)) ** 0.8,
            marker=row.marker,
            c=row.colour,
            linewidths=1.6 if row.marker in ("x", "|") else 0,
            clip_on=False,
        )
        panel.beside(y, row.label, style.MUTED, left=True)
        panel.beside(y, f"{len(row.times_s):,}", style.MUTED, left=False)
    for number, (host, held) in enumerate(down):
        y = total - len(rows) - number - 0.5
        for start, end in _stretches(held > 0, edges_s):
            bar = ((start, end), (y, y))
            panel.line(*bar, style.REJECTED, 9, solid_capstyle="butt")
        panel.beside(y, "held for down", style.MUTED, left=True)
        panel.beside(y, host, style.MUTED, left=False)


def _stretches(held: npt.NDArray[np.bool_], edges_s: Array) -> list[tuple[float, float]]:
    """Neighbouring intervals in which something held, as one."""
    stretches: list[tuple[float, float]] = []
    for start, end in zip(edges_s[:-1][held].tolist(), edges_s[1:][held].tolist(), strict=True):
        if stretches and math.isclose(stretches[-1][1], start):
            start = stretches.pop()[0]
        stretches.append((start, end))
    return stretches
