"""Two runs beside each other in the terminal."""

from __future__ import annotations

import math

from rich.console import Console

from poolsim.planning.comparing.compare import Difference, RunComparison
from poolsim.report.terminal import Page
from poolsim.report.units import quantity

_STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


def show_comparison(comparison: RunComparison, console: Console, *, show_all: bool) -> None:
    """Print the metrics that differ; with `show_all` the others too, marked `~`."""
    page = Page(console)
    run_a, run_b = comparison.run_a, comparison.run_b
    how = (
        "paired: both runs had the same seed, so each replication had the same draws"
        if comparison.is_paired
        else "not paired: the runs had different seeds (Welch's t)"
    )
    page.line((f"A {run_a.path}", "bold"), (f"   {run_a.replications} replications", "dim"))
    page.line((f"B {run_b.path}", "bold"), (f"   {run_b.replications} replications", "dim"))
    page.paragraph(how, "dim", indent="")
    shown = [one for one in comparison.differences if one.is_significant or show_all]
    rows = [_row(one, page.symbols.plus_minus) for one in shown]
    if rows:
        page.put(page.table(["metric", "A", "B", "B - A", "change", ""], rows))
    same = len(comparison.differences) - len(comparison.significant)
    if not show_all and same:
        page.paragraph(f"~ no significant difference in {same:,} more metrics (--all shows them)")
    if not comparison.significant:
        page.paragraph("~ no difference that chance does not explain", "bold", indent="")
    page.items(list(comparison.warnings), 5, "yellow")


def _row(one: Difference, plus_minus: str) -> list[str]:
    change = quantity(one.change.mean, one.unit)
    if one.change.mean > 0:
        change = f"+{change}"
    if not math.isnan(one.change.half_width):
        change += f" {plus_minus} {quantity(one.change.half_width, one.unit, 2)}"
    share = "" if math.isnan(one.share) else f"{one.share:+.1%}"
    mark = "~"
    if one.is_significant:
        mark = next(stars for level, stars in _STARS if one.p_value < level)
    return [one.name, quantity(one.mean_a, one.unit), quantity(one.mean_b, one.unit), change,
            share if one.is_significant else "~", mark]  # fmt: skip
