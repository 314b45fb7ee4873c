"""What a scenario's numbers amount to, in the terminal."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from rich.console import Console

from poolsim.planning.amounts import Amount, Amounts
from poolsim.planning.words import number_text
from poolsim.report.terminal import Page


def show_amounts(found: Amounts, console: Console, scenario: Path) -> None:
    """Print the numbers; `scenario` is the file they came from."""
    page = Page(console)
    name = page.name(found.name, 60)
    page.line((f"{name}: what its numbers amount to; nothing was simulated", "bold"))
    for client, amounts in groupby(found.amounts, key=lambda one: one.client):
        page.heading(client)
        for one in amounts:
            page.paragraph(f"{one.level}: {'; '.join(_parts(one))}")
    if found.problems:
        page.heading("What cannot be")
        page.items(list(found.problems), len(found.problems), "yellow")
    page.line(("", ""))
    page.paragraph(
        f"about {found.requests:,.0f} requests a replication, {found.replications} replications",
        "dim",
        indent="",
    )
    page.line((f"next:  poolsim run {scenario}", "dim"))


def _parts(one: Amount) -> list[str]:
    parts = []
    if one.rate is not None:
        assert one.rate_per_instance is not None, "there is a rate"
        assert one.rate_per_host is not None, "there is a rate"
        parts.append(
            f"{_rate(one.rate)}, {_rate(one.rate_per_instance)} an instance, "
            f"{_rate(one.rate_per_host)} a host"
        )
    parts.append(
        f"{_few(one.in_flight)} in flight, {_few(one.in_flight_per_pool)} a pool, which takes "
        f"{one.streams_per_pool:,}"
    )
    if one.utilisation is not None:
        nodes = f"nodes {one.utilisation:.0%} busy"
        if one.utilisation_with_one_lost is not None:
            nodes += f", the busiest {one.utilisation_with_one_lost:.0%} with one lost"
        parts.append(nodes)
    if one.io_utilisation is not None:
        parts.append(f"I/O threads {one.io_utilisation:.0%} busy")
    if one.process_utilisation is not None:
        parts.append(f"processes {one.process_utilisation:.0%} busy")
    return parts


def _rate(per_second: float) -> str:
    return number_text(per_second, "1/s")


def _few(count: float) -> str:
    return f"{count:,.0f}" if count >= 10 else f"{count:.2g}"
