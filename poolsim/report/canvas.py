"""A canvas of panels above each other that share the time axis, and what is drawn on them.

matplotlib draws; its ticks, which cost more time than all else, are replaced by plain lines and
texts. Text stays text in the SVG: sharp, searchable and in the page's own font. Positions on the
canvas are pixels from its top left corner, as in SVG; within a panel they are data.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from poolsim.report import plot_style as style
from poolsim.report.units import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]

_MOVE, _LINE, _CLOSE = 1, 2, 79
"""matplotlib's path codes."""

_ALONE = 'font-family="system-ui, Segoe UI, Roboto, sans-serif" style="background: #ffffff"'


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with a name."""

    from_s: float
    to_s: float
    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class Label:
    """A label at the right of a panel, beside the height `y`."""

    y: float
    text: str
    colour: str


@contextmanager
def settings(salt: str) -> Iterator[None]:
    """The settings of matplotlib while a figure is made, whatever the user's own are.

    `salt` makes the identifiers inside the SVG the same each time and different between figures.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": salt,
                "font.family": "DejaVu Sans",
                "font.size": style.FONT_SIZE,
                # A name may hold dollars; it is no formula.
                "text.parse_math": False,
            }
        )
        yield


class Panel:
    """One panel: matplotlib axes of a known size in pixels, without ticks of their own."""

    def __init__(self, axes: Axes, width: float, height: float, end_s: float) -> None:
        self.axes = axes
        self.width = width
        self.height = height
        self.end_s = end_s
        axes.set_facecolor("none")
        axes.set_axis_off()
        axes.set_autoscale_on(False)
        axes.set_xlim(0, end_s)
        self.low, self.high = 0.0, 1.0
        self.across = axes.get_xaxis_transform()
        """Time across, share of the height upwards."""
        self.along = axes.get_yaxis_transform()
        """Share of the width across, value upwards."""

    def set_heights(self, low: float, high: float) -> None:
        """The values at the bottom and at the top."""
        self.low, self.high = low, high
        self.axes.set_ylim(low, high)

    def area(self, edges_s: Array, bottom: Array, top: Array, colour: str) -> None:
        """Steps filled between two heights, one value an interval."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        points: list[tuple[float, float]] = []
        codes: list[int] = []
        for first, end in _runs(top > bottom):
            lows, highs = bottom[first:end], top[first:end]
            # The outline: along the top, back along the bottom.
            xs, ys = _outline(edges_s[first : end + 1], highs)
            back_xs, back_ys = _outline(edges_s[first : end + 1], lows)
            points += zip(np.append(xs, back_xs[::-1]), np.append(ys, back_ys[::-1]), strict=True)
            points.append(points[-len(xs) - len(back_xs)])
            codes += [_MOVE, *[_LINE] * (len(xs) + len(back_xs) - 1), _CLOSE]
        if points:
            patch = PathPatch(Path(points, codes), facecolor=colour, linewidth=0)
            self.axes.add_artist(patch)

    def steps(self, edges_s: Array, values: Array, colour: str, width: float) -> None:
        """A line of steps, one value an interval, broken where a value is NaN."""
        xs, ys = _outline(edges_s, values)
        self.line(xs, ys, colour, width)

    def line(self, xs: Any, ys: Any, colour: str, width: float, **how: Any) -> None:
        """A line through points."""
        from matplotlib.lines import Line2D

        how.setdefault("solid_joinstyle", "round")
        self.axes.add_artist(Line2D(xs, ys, color=colour, linewidth=width, **how))

    def level(self, y: float, colour: str, width: float, dashes: Any, span: Any = None) -> None:
        """A dashed horizontal line over a span of time, or all of it."""
        self.line(span or (0, self.end_s), (y, y), colour, width, linestyle=dashes)

    def moment(self, time_s: float, colour: str) -> None:
        """A dotted vertical line."""
        how = {"linestyle": (0, (1, 2)), "transform": self.across}
        self.line((time_s, time_s), (0, 1), colour, 1.2, **how)

    def shade(self, spans: Sequence[Span]) -> None:
        """Shades stretches of time over the whole height."""
        from matplotlib.patches import Rectangle

        for span in spans:
            size = span.to_s - span.from_s
            box = Rectangle((span.from_s, 0), size, 1, transform=self.across, zorder=0)
            box.set(facecolor=span.colour, alpha=0.12, linewidth=0)
            self.axes.add_artist(box)

    def grid(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """Thin lines at some times and heights, and the base line."""
        segments = [((x, self.low), (x, self.high)) for x in xs]
        segments += [((0, y), (self.end_s, y)) for y in ys]
        self._segments(segments, style.GRID, 0.8)
        self._segments([((0, self.low), (self.end_s, self.low))], style.MUTED, 1.0)

    def _segments(self, segments: Sequence[Any], colour: str, width: float) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        points = [point for segment in segments for point in segment]
        codes = [_MOVE, _LINE] * len(segments)
        patch = PathPatch(Path(points, codes), fill=False, edgecolor=colour, linewidth=width)
        patch.set(zorder=0.5, clip_on=False)
        self.axes.add_artist(patch)

    def write(self, x: float, y: float, text: str, colour: str, **how: Any) -> None:
        """Text at data coordinates, or at those of a `transform`."""
        how = {"fontsize": style.SMALL, "va": "center_baseline", "clip_on": False, **how}
        self.axes.text(x, y, text, color=colour, **how)

    def time_labels(self, ticks: Sequence[float]) -> None:
        """The times under the panel."""
        for tick in ticks:
            text = style.clock(tick, self.end_s)
            where = -15 / self.height
            how = {"transform": self.across, "ha": "center", "va": "baseline"}
            self.write(tick, where, text, style.MUTED, **how)

    def value_labels(self, ticks: Sequence[float], texts: Sequence[str]) -> None:
        """The values at the left of the panel."""
        for tick, text in zip(ticks, texts, strict=True):
            self.beside(tick, text, style.MUTED, left=True)

    def beside(self, y: float, text: str, colour: str, left: bool) -> None:
        """Text at the left or right of the panel at a height."""
        x = -6 / self.width if left else 1 + 6 / self.width
        self.write(x, y, text, colour, transform=self.along, ha="right" if left else "left")

    def labels(self, labels: Sequence[Label], gap: float = 14.0) -> None:
        """Labels at the right, moved apart so that all can be read."""
        per_pixel = (self.high - self.low) / self.height
        inside = [
            label
            for label in sorted(labels, key=lambda label: label.y)
            if self.low - 4 * per_pixel <= label.y <= self.high + 9 * per_pixel
        ]
        heights = spread_apart([label.y / per_pixel for label in inside], gap)
        for height, label in zip(heights, inside, strict=True):
            self.beside(height * per_pixel, label.text, label.colour, left=False)


class Canvas:
    """A figure on which panels are put one below the other."""

    def __init__(self, height: float, end_s: float) -> None:
        from matplotlib.figure import Figure

        self.height = height
        self.end_s = end_s
        self.panels: list[Panel] = []
        self.figure: Figure = Figure(figsize=(style.WIDTH / 72, height / 72), dpi=72)
        self.figure.patch.set_visible(False)

    def panel(
        self, top: float, height: float, left: float = style.LEFT, right: float = style.RIGHT
    ) -> Panel:
        """A panel between the margins `left` and `right`."""
        width = style.WIDTH - left - right
        place = (left, self.height - top - height, width, height)
        size = (style.WIDTH, self.height, style.WIDTH, self.height)
        axes = self.figure.add_axes(
            (place[0] / size[0], place[1] / size[1], place[2] / size[2], place[3] / size[3])
        )
        panel = Panel(axes, width, height, self.end_s)
        self.panels.append(panel)
        return panel

    def write(self, x: float, y: float, text: str, colour: str = style.INK, **how: Any) -> None:
        """Text whose baseline begins at the pixel (x, y)."""
        how = {"fontsize": style.FONT_SIZE, "va": "baseline", **how}
        self.figure.text(x / style.WIDTH, 1 - y / self.height, text, color=colour, **how)

    def title(
        self,
        y: float,
        title: str,
        keys: Sequence[tuple[str, str, str]] = (),
        x: float = style.LEFT,
    ) -> None:
        """A panel's title with its baseline at `y`, then a key for each of its parts.

        A key is (sign, label, colour).
        """
        self.write(x, y, title, fontweight="bold")
        x += len(title) * style.CHARACTER * 1.12 + 20
        for sign, label, colour in keys:
            self.write(x, y, sign, colour)
            self.write(x + 16, y, label, style.MUTED, fontsize=style.SMALL)
            x += 16 + len(label) * style.CHARACTER + 14

    def svg(self) -> str:
        """The figure as SVG, the same bytes each time."""
        buffer = io.StringIO()
        with warnings.catch_warnings():
            # Signs that matplotlib's font lacks are drawn by the browser from its own.
            warnings.filterwarnings("ignore", message="Glyph")
            self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        return _cleaned(buffer.getvalue())


def _cleaned(svg: str) -> str:
    """Without prolog, metadata, font and the groups' names, which repeat from figure to figure."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r'(<image\b[^>]*?) id="[^"]*"', r"\1", svg)
    svg = re.sub(r"font: (bold |)([0-9.]+px) [^;\"]*", _font, svg)
    # Where the picture stands alone no page gives it font and ground.
    return svg.replace("<svg ", f"<svg {_ALONE} ", 1)


def _font(match: re.Match[str]) -> str:
    weight = "font-weight: bold; " if match.group(1) else ""
    return f"{weight}font-size: {match.group(2)}"


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First index and end of each run of true values."""
    changes = np.diff(mask.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _outline(edges_s: Array, values: Array) -> tuple[Array, Array]:
    """The corners of steps, one value an interval; equal neighbours are one step."""
    same = (np.diff(values) == 0) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    firsts = np.flatnonzero(np.append(True, ~same))
    starts = edges_s[firsts]
    ends = np.append(starts[1:], edges_s[-1])
    return np.column_stack((starts, ends)).ravel(), np.repeat(values[firsts], 2)


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two positive values, where they are few also 2 and 5 times those."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    factors = (1,) if high / low > 40 else (1, 2, 5)
    ticks = [factor * 10.0**decade for decade in decades for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]


def duration_labels(ticks: Sequence[float]) -> list[str]:
    """`1ms`, `10ms` and so on."""
    return [quantity(tick, "s", 1) for tick in ticks]


def spread_apart(heights: Sequence[float], gap: float) -> list[float]:
    """Rising heights moved as little as needed to lie at least `gap` apart."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1:
            below, above = groups[-2], groups[-1]
            if _middle(above) - _middle(below) >= (len(below) + len(above)) / 2 * gap:
                break
            groups[-2:] = [below + above]
    spread = []
    for group in groups:
        first = _middle(group) - (len(group) - 1) / 2 * gap
        spread += [first + number * gap for number in range(len(group))]
    return spread


def _middle(values: Sequence[float]) -> float:
    return sum(values) / len(values)
