"""Pictures of a plan: real and simulated timelines over each other, and latency by share.

The simulation is a broad pale line, the recording a thin dark one on top: where they agree the dark
line runs inside the pale one, and where they do not both can be seen.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

INK = "#1b2430"
MUTED = "#5a6675"
GRID = "#e3e7ec"
BLUE = "#0072b2"
PURPLE = "#cc79a7"
VERMILION = "#d55e00"
"""After Okabe and Ito ("Color Universal Design", 2008), as the report of a run has them."""

PANELS = (
    ("connections", "connections", BLUE),
    ("trashed", "trashed", MUTED),
    ("in_flight", "in flight", BLUE),
    ("pending", "queued", PURPLE),
    ("rejected", "rejected so far", VERMILION),
)
STEPPED = ("connections", "trashed", "rejected")
WIDTH_INCHES = 10.0
PANEL_INCHES = 1.35
DOTS_PER_INCH = 110


def timeline_png(timelines: dict[str, Any]) -> bytes:
    """Panels above each other over the same time; those in which nothing happens are left out."""
    real, simulated = timelines["real"], timelines["simulated"]
    panels = [panel for panel in PANELS if any(real[panel[0]]) or any(simulated[panel[0]])] or list(
        PANELS[:1]
    )
    figure = Figure(figsize=(WIDTH_INCHES, 0.75 + PANEL_INCHES * len(panels)))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    seconds = timelines["seconds"]
    for place, (own, (name, title, colour)) in enumerate(zip(axes, panels, strict=True)):
        style = "steps-post" if name in STEPPED else "default"
        own.plot(
            seconds,
            simulated[name],
            color=colour,
            alpha=0.35,
            linewidth=5,
            drawstyle=style,
            solid_capstyle="butt",
            label="simulated",
        )
        own.plot(seconds, real[name], color=INK, linewidth=1.1, drawstyle=style, label="real")
        own.set_ylim(0, 1.12 * max(1, *real[name], *simulated[name]))
        own.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        own.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        _dress(own, title)
        for number, (host, begin, end) in enumerate(timelines["faults"]):
            own.axvspan(begin, end, color=VERMILION, alpha=0.08, linewidth=0)
            if place == 0:
                own.text(
                    begin,
                    1.02,
                    f" node {host + 1} lost",
                    color=VERMILION,
                    fontsize=9,
                    transform=own.get_xaxis_transform(),
                    va="bottom",
                    ha="left" if number % 2 == 0 else "right",
                )
    axes[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=9)
    axes[-1].set_xlabel("seconds", fontsize=9, color=MUTED)
    axes[-1].set_xlim(0, seconds[-1])
    return _png(figure)


def latency_png(curves: dict[str, Any]) -> bytes:
    """Latency by share of the requests, from the median to the tail; both axes logarithmic."""
    figure = Figure(figsize=(WIDTH_INCHES, 3.6))
    axes = figure.subplots()
    beyond = [1 - share for share in curves["shares"]]
    if curves["simulated"]:
        axes.plot(
            beyond,
            curves["simulated"],
            color=BLUE,
            alpha=0.35,
            linewidth=6,
            label="simulated (of the first recording)",
        )
    for number, real in enumerate(curves["real"]):
        if real:
            many = len(curves["real"])
            label = f"real, {many} recording{'s' if many > 1 else ''}" if number == 0 else None
            axes.plot(beyond, real, color=INK, linewidth=0.9, alpha=0.8, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(max(beyond), min(beyond))
    ticks = (0.9, 0.5, 0.25, 0.1, 0.05, 0.01, 0.001)
    axes.set_xticks(ticks, [f"p{100 * (1 - tick):g}" for tick in ticks])
    axes.minorticks_off()
    low, high = axes.get_ylim()
    marks = [
        factor * 10.0**power
        for power in range(-3, 6)
        for factor in (1, 2, 5)
        if low <= factor * 10.0**power <= high
    ]
    axes.set_yticks(marks, [f"{mark:g} ms" for mark in marks])
    axes.minorticks_off()
    _dress(axes, "latency")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    return _png(figure)


def _dress(axes: Axes, title: str) -> None:
    axes.set_ylabel(title, fontsize=9, color=INK)
    axes.tick_params(labelsize=9, colors=MUTED, length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _png(figure: Figure) -> bytes:
    figure.set_layout_engine("constrained")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, facecolor="white")
    return buffer.getvalue()
