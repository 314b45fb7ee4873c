"""A sweep in the terminal: the front, the knee, and where everything lies."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from poolsim.planning.sweep import SweepResults
from poolsim.report.planning.sweep_plots import unit_of
from poolsim.report.terminal import Page
from poolsim.report.units import counted, interval

MOST_FRONT = 15


def show_sweep(results: SweepResults, console: Console, directory: Path | None) -> None:
    """Print a sweep's results; `directory` is where its files lie."""
    page = Page(console)
    plan = results.plan
    statuses = [point.status for point in results.points]
    counts = ", ".join(
        f"{statuses.count(status):,} {'without expectations' if status == 'none' else status}"
        for status in ("passed", "failed", "inconclusive", "none", "refused")
        if status in statuses
    )
    sizes = " x ".join(str(size) for size in plan.space.shape) or "1"
    page.line((f"{plan.base.name}: {sizes} points: {counts}", "bold"))
    refusals = list(dict.fromkeys(p.loaded.refusal for p in results.points if p.loaded.refusal))
    if refusals:
        page.paragraph(f"refused, for example: {refusals[0]}", "dim")
    page.paragraph(f"cost: {plan.cost.text}", "dim")
    _front(page, results)
    if results.knee is not None:
        words = values_text(results, results.knee)
        page.paragraph(
            f"Knee: {words}. Beyond it {plan.objectives[0]} buys little of {plan.objectives[1]}.",
            indent="",
        )
    if directory is not None:
        page.heading("Files")
        page.line((f"  {directory}/", ""))


def values_text(results: SweepResults, number: int) -> str:
    """`core 2, max 4`."""
    return ", ".join(
        f"{parameter.short_label} {text}"
        for parameter, text in zip(
            results.plan.space.parameters, results.points[number].loaded.point.texts, strict=True
        )
    )


def _front(page: Page, results: SweepResults) -> None:
    front = results.front
    page.heading(f"Pareto front of {' and '.join(results.plan.objectives)}")
    rows = []
    for number in front[:MOST_FRONT]:
        swept = results.points[number]
        mark = "knee" if number == results.knee else ""
        figures = [
            interval(swept.estimate(name), page.symbols.plus_minus) if unit_of(name) else ""
            for name in results.plan.objectives
        ]
        rows.append([*swept.loaded.point.texts, *figures, swept.status, mark])
    heads = [parameter.short_label for parameter in results.plan.space.parameters]
    page.put(page.table([*heads, *results.plan.objectives, "status", ""], rows))
    if len(front) > MOST_FRONT:
        page.line((f"  and {counted(len(front) - MOST_FRONT, 'more point')}", "dim"))
