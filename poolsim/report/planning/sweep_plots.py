"""Pictures of a sweep: a heat map over two parameters, and the Pareto front."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from poolsim.planning.sweep import SweepResults
from poolsim.report import plot_style as style
from poolsim.report.canvas import settings
from poolsim.report.units import plain, quantity, shorten
from poolsim.scenario.metrics import METRICS, parse_metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 12
_MOST_NUMBERS = 250
"""Cells of one picture that still get their number written."""
_LOGARITHMIC_FROM = 30.0
"""Ratio of largest to smallest value from which colours and axes go by ratios."""
_STATUS_COLOURS = {
    "passed": style.GOOD,
    "failed": style.REJECTED,
    "inconclusive": style.CONNECTING,
    "none": style.ACTIVE_EDGE,
}


@dataclass(frozen=True, slots=True)
class Panel:
    """The points of one panel of a heat map: rows by the second parameter, columns by the first;
    -1 where there is no point."""

    title: str
    points: list[list[int]]


def unit_of(name: str) -> str:
    """The unit of a metric; the cost is a count of its own kind."""
    return "count" if name == "cost" else METRICS[parse_metric(name).metric].unit


def panels(results: SweepResults) -> list[Panel]:
    """A panel for each combination of the parameters beyond the first two, MOST_PANELS at most."""
    parameters = results.plan.space.parameters
    rows = len(parameters[1].texts) if len(parameters) > 1 else 1
    found: dict[tuple[int, ...], Panel] = {}
    for number, one in enumerate(results.points):
        places = one.loaded.point.places
        if places[2:] not in found:
            if len(found) == MOST_PANELS:
                continue
            title = ", ".join(
                f"{parameter.short_label} {text}"
                for parameter, text in zip(parameters[2:], one.loaded.point.texts[2:], strict=True)
            )
            empty = [[-1] * len(parameters[0].texts) for _ in range(rows)]
            found[places[2:]] = Panel(title, empty)
        row = places[1] if len(places) > 1 else 0
        found[places[2:]].points[row][places[0]] = number
    return list(found.values())


def heat_map(results: SweepResults, metric: str) -> Figure:
    """A metric, or `cost`, over the first two parameters; further ones make a panel each.

    Points that fail an expectation have a cross, the knee of the front a frame.
    """
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
    from matplotlib.figure import Figure

    shown = panels(results)
    parameters = results.plan.space.parameters
    values = np.array(results.column(metric), dtype=np.float64)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    is_log = low > 0 and high / low > _LOGARITHMIC_FROM
    norm = LogNorm(low, high) if is_log else Normalize(low, high if high > low else low + 1)
    colours = LinearSegmentedColormap.from_list("heat", style.HEAT)
    assert colormaps is not None
    across = min(len(shown), 3)
    down = -(-len(shown) // across)
    wide, tall = len(parameters[0].texts), len(shown[0].points)
    size = (max(4.5, 0.62 * wide + 1.9) * across, max(2.2, 0.42 * tall + 1.5) * down)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(down, across, squeeze=False)
    written = sum(len(row) for panel in shown for row in panel.points) <= _MOST_NUMBERS
    for place, ax in enumerate(axes.flat):
        if place >= len(shown):
            ax.set_axis_off()
            continue
        image = _draw_panel(ax, results, shown[place], values, metric, (norm, colours), written)
    figure.suptitle(f"{metric} of {plain(results.plan.base.name)}")
    figure.supxlabel(_legend(results, shown, values), fontsize=style.SMALL)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    unit = unit_of(metric)
    bar.ax.yaxis.set_major_formatter(lambda value, _place: quantity(value, unit, 2))
    bar.ax.yaxis.set_minor_formatter(lambda _value, _place: "")
    return figure


def _legend(results: SweepResults, shown: list[Panel], values: Any) -> str:
    """What the marks that are there mean."""
    numbers = {number for panel in shown for row in panel.points for number in row if number >= 0}
    parts = []
    if results.knee in numbers:
        parts.append("framed: the knee of the front")
    if any(results.points[number].status == "failed" for number in numbers):
        parts.append("crossed out: breaks an expectation")
    if any(results.points[n].outcome is not None and math.isnan(values[n]) for n in numbers):
        parts.append("-: no value")
    return "; ".join(parts)


def _draw_panel(
    ax: Axes,
    results: SweepResults,
    panel: Panel,
    values: Any,
    metric: str,
    scale: tuple[Any, Any],
    written: bool,
) -> Any:
    parameters = results.plan.space.parameters
    table = np.array(
        [[values[number] if number >= 0 else math.nan for number in row] for row in panel.points]
    )
    norm, colours = scale
    image = ax.imshow(table, origin="lower", aspect="auto", cmap=colours, norm=norm)
    ax.set_xticks(range(len(parameters[0].texts)), [shorten(t, 12) for t in parameters[0].texts])
    ax.set_xlabel(plain(parameters[0].short_label))
    if len(parameters) > 1:
        ax.set_yticks(
            range(len(parameters[1].texts)), [shorten(t, 12) for t in parameters[1].texts]
        )
        ax.set_ylabel(plain(parameters[1].short_label))
    else:
        ax.set_yticks([])
    ax.set_title(plain(panel.title), fontsize=style.SMALL)
    for row, numbers in enumerate(panel.points):
        for column, number in enumerate(numbers):
            _draw_cell(
                ax, results, number, (column, row), table[row][column], metric, norm, written
            )
    return image


def _draw_cell(
    ax: Axes,
    results: SweepResults,
    number: int,
    where: tuple[int, int],
    value: float,
    metric: str,
    norm: Any,
    written: bool,
) -> None:
    column, row = where
    status = results.points[number].status if number >= 0 else "refused"
    dark = not math.isnan(value) and float(norm(value)) > 0.55
    ink = "#ffffff" if dark else style.INK
    if written:
        text = "refused" if status == "refused" else quantity(value, unit_of(metric), 2)
        ax.text(column, row, text, ha="center", va="center", fontsize=7.5, color=ink)
    if status == "failed":
        ax.plot([column - 0.4, column + 0.4], [row - 0.4, row + 0.4], color=style.REJECTED, lw=0.9)
        ax.plot([column - 0.4, column + 0.4], [row + 0.4, row - 0.4], color=style.REJECTED, lw=0.9)
    if number == results.knee:
        box = [(-0.47, -0.47), (0.47, -0.47), (0.47, 0.47), (-0.47, 0.47), (-0.47, -0.47)]
        xs, ys = zip(*box, strict=True)
        ax.plot([column + x for x in xs], [row + y for y in ys], color=style.GOOD, lw=2)


def front_plot(results: SweepResults) -> Figure:
    """All points by the two objectives, the front as a line, its knee named."""
    from matplotlib.figure import Figure

    first, second = results.plan.objectives
    xs, ys = (np.array(results.column(name), dtype=np.float64) for name in (first, second))
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    ax = figure.subplots()
    for status, colour in _STATUS_COLOURS.items():
        chosen = [number for number, one in enumerate(results.points) if one.status == status]
        if chosen:
            label = "no expectation" if status == "none" else status
            ax.scatter(xs[chosen], ys[chosen], s=16, color=colour, label=label, alpha=0.75)
    front = list(results.front)
    ax.plot(xs[front], ys[front], color=style.INK, lw=1.2, label="Pareto front")
    if results.knee is not None:
        knee = results.knee
        words = ", ".join(
            f"{parameter.short_label} {text}"
            for parameter, text in zip(
                results.plan.space.parameters,
                results.points[knee].loaded.point.texts,
                strict=True,
            )
        )
        ax.scatter(xs[knee], ys[knee], s=90, facecolors="none", edgecolors=style.INK, lw=1.6)
        ax.annotate(
            f"knee: {plain(words)}",
            (float(xs[knee]), float(ys[knee])),
            xytext=(8, 8),
            textcoords="offset points",
        )
    _scale_axis(ax, "x", xs, first)
    _scale_axis(ax, "y", ys, second)
    ax.grid(True, color=style.GRID)
    ax.legend(frameon=False)
    ax.set_title(f"{second} against {first}: {plain(results.plan.base.name)}")
    return figure


def _scale_axis(ax: Axes, axis: str, values: Any, name: str) -> None:
    known = values[np.isfinite(values)]
    if len(known) and known.min() > 0 and known.max() / known.min() > _LOGARITHMIC_FROM:
        ax.set_xscale("log") if axis == "x" else ax.set_yscale("log")
    unit = unit_of(name)
    chosen = ax.xaxis if axis == "x" else ax.yaxis
    chosen.set_major_formatter(lambda value, _place: quantity(value, unit, 2))
    chosen.set_minor_formatter(lambda value, _place: _minor_label(value, unit))
    ax.set_xlabel(name) if axis == "x" else ax.set_ylabel(name)


def _minor_label(value: float, unit: str) -> str:
    """Between powers of ten only 2 and 5 times those are named."""
    return quantity(value, unit, 2) if f"{value:.0e}"[0] in "25" else ""


def svg(figure: Figure, salt: str) -> str:
    """A figure as SVG, the same text for the same figure."""
    with settings(salt):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
