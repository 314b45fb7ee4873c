"""A result as one HTML file: no network, no script, for bright and dark screens and for paper."""

from __future__ import annotations

import math
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poolsim import __version__
from poolsim.estimation.monitor import Monitored
from poolsim.estimation.orm import OrmReport
from poolsim.estimation.results import Estimate, Results, Verdict
from poolsim.report import monitors, orm_pools, tables, words
from poolsim.report import plot_style as style
from poolsim.report.budget import bound_text, budgets, memory_text, threads_text
from poolsim.report.growth import NANOSECONDS
from poolsim.report.plots import Plot, plots
from poolsim.report.summaries import (
    CLIENT_METRICS,
    ClientSummary,
    HostSummary,
    client_summaries,
    fault_times,
)
from poolsim.report.units import estimate_text, interval, plain, quantity, setting

MARKS = {"passed": "✓", "failed": "✗", "inconclusive": "?", "none": "•"}
MOST_EVENTS = 500
SHOWN_STALLS = 10
SHOWN_CLIENTS = 8

TILES = (
    ("p99 latency", "latency.p99"),
    ("median latency", "latency.p50"),
    ("p99 wait for a stream", "wait.p99"),
    ("throughput", "throughput"),
    ("rejected", "rejected"),
    ("failed", "errors"),
)

HOST_COLUMNS = (
    ("connections", "connections"),
    ("most", "most_connections"),
    ("peak load", "peak_load"),
    ("max load", "max_load"),
    ("peak use", "peak_use"),
    ("peak queue", "peak_pending"),
    ("opened", "opened"),
    ("trashed", "trashed"),
    ("resurrected", "resurrected"),
    ("closed", "closed"),
    ("lost", "lost"),
    ("rejected", "rejected"),
    ("requests", "requests"),
    ("failed", "errors"),
)
SUMMED = (
    "connections",
    "opened",
    "trashed",
    "resurrected",
    "closed",
    "lost",
    "rejected",
    "requests",
    "errors",
)
BAD = ("lost", "rejected", "errors")
"""Columns in which anything but 0 stands out."""


def render(results: Results) -> str:
    """The report of a result as the text of one self-contained HTML file.

    Plots, peaks and events show the first replication; estimates are over all. The same result
    gives the same text.
    """
    return report_and_plots(results)[0]


def report_and_plots(results: Results) -> tuple[str, list[Plot]]:
    """The report and the plots in it, each as an SVG file of its own."""
    pictures = plots(results)
    environment = Environment(
        loader=PackageLoader("poolsim.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(_context(results, pictures))
    return page, pictures


def _shown(value: Any) -> Any:
    """Text without characters that a browser would obey rather than show; lines are kept."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return "\n".join(plain(line) for line in value.split("\n"))
    return value


def _context(results: Results, pictures: list[Plot]) -> dict[str, Any]:
    summaries = client_summaries(results)
    times = fault_times(summaries)
    scenario = results.scenario
    runs = len(results.replications)
    return {
        "version": __version__,
        "marks": MARKS,
        "colours": _colours(),
        "scenario": scenario,
        "headline": words.headline(results),
        "answer": words.answer(results, summaries, times),
        "verdicts": [_verdict(results, verdict) for verdict in results.verdicts],
        "warnings": results.warnings,
        "clients": [_client(summary) for summary in summaries],
        "client_heads": [head for head, _ in CLIENT_METRICS],
        "budgets": [
            {
                "client": budget.client,
                "memory": memory_text(budget.memory),
                "threads": threads_text(budget.threads),
                "bound": bound_text(budget.bound),
                "signals": [
                    (one.name, quantity(one.count, "count"), one.meaning, one.action)
                    for one in budget.signals
                ],
            }
            for budget in budgets(results, summaries)
        ],
        "host_heads": ["host", *(head for head, _ in HOST_COLUMNS)],
        "faults": [words.fault_text(fault) for fault in scenario.faults],
        "changes": [words.change_text(change) for change in scenario.changes],
        "fault_times": [
            {
                "client": one.client,
                "cells": [
                    _with_interval(e)
                    for e in (one.detect, one.fail_over, one.recover, one.unnoticed)
                ],
            }
            for one in times
        ],
        "recoveries": [
            {
                "status": "passed" if one.status == "recovered" else "failed",
                "text": words.recovery_text(one),
            }
            for one in sorted(results.recoveries, key=lambda one: one.status == "recovered")
        ],
        "stalls": [words.stall_text(stall) for stall in results.stalls],
        "shown_stalls": SHOWN_STALLS,
        "shown_clients": SHOWN_CLIENTS,
        "failures": words.first_failures(results),
        "monitor_heads": monitors.HEADS,
        "monitors": [_monitor(one) for one in results.monitors],
        "orm_pools": [_orm_pool(one) for one in results.orm_reports],
        "plots": [{"title": plot.title, "svg": _inlined(plot)} for plot in pictures],
        "plots_note": _plots_note(results, pictures),
        "runs": runs,
        "interval": setting(results.interval_s),
        "events": _events(results),
        "assumptions": words.ASSUMPTIONS,
        "validity": words.validity(scenario),
        "facts": _facts(results),
        "metrics": [(name, estimate_text(e)) for name, e in results.estimates.items()],
        "resolved": results.resolved,
        "reproduce": results.reproduce,
    }


def _orm_pool(one: OrmReport) -> dict[str, Any]:
    metrics, connections = orm_pools.metric_rows(one), orm_pools.connection_rows(one)
    tables_of = (
        (orm_pools.HOST_HEADS, orm_pools.host_rows(one)),
        (orm_pools.METRIC_HEADS, metrics[-MOST_EVENTS:]),
        (orm_pools.CONNECTION_HEADS, connections[:MOST_EVENTS]),
    )
    return {
        "title": orm_pools.title(one),
        "texts": orm_pools.texts(one),
        "problems": orm_pools.problems(one),
        "tables": [{"heads": heads, "rows": rows} for heads, rows in tables_of if rows],
    }


def _monitor(one: Monitored) -> dict[str, Any]:
    texts = (monitors.warm_up_text(one), monitors.round_text(one))
    return {
        "title": monitors.title(one),
        "texts": [text for text in texts if text],
        "rows": monitors.host_rows(one.rounds[-1]) if one.rounds else [],
        "warnings": monitors.warning_texts(one),
    }


def _plots_note(results: Results, pictures: list[Plot]) -> str:
    runs = len(results.replications)
    parts = [f"The first of {runs} replications." if runs > 1 else "One replication."]
    drawn = sum(not plot.name.endswith("-hosts") for plot in pictures)
    if drawn < len(results.scenario.clients):
        parts.append(f"{drawn} of {len(results.scenario.clients)} clients are drawn.")
    if results.scenario.faults:
        parts.append("Shaded: faults.")
    parts.append("Latency quantiles are of the requests intended in each interval.")
    if any(plot.name.endswith("-hosts") for plot in pictures):
        parts.append("Of several hosts p99 and max are those of the slowest, p50 is their mean.")
    if results.warm_up_s > 0:
        warm_up = setting(results.warm_up_s)
        parts.append(f"The first {warm_up} are warm-up and count in no figure.")
    return " ".join(parts)


def _verdict(results: Results, verdict: Verdict) -> dict[str, Any]:
    comparison = next(
        (one.comparison for one in results.scenario.expectations if one.text == verdict.text), ""
    )
    return {
        "status": verdict.status,
        "text": verdict.text,
        "value": words.verdict_value(verdict),
        "reason": verdict.reason,
        "picture": _interval_picture(verdict, comparison or _comparison_in(verdict.text)),
    }


def _comparison_in(text: str) -> str:
    found = re.search(r"<=|>=|==|<|>", text)
    return found.group(0) if found else ""


def _interval_picture(verdict: Verdict, comparison: str) -> Markup | None:
    """The interval as a dot with whiskers against the limit; what is allowed is shaded."""
    mean, limit = verdict.estimate.mean, verdict.limit
    half_width = verdict.estimate.half_width
    half_width = 0.0 if math.isnan(half_width) else half_width
    if not (math.isfinite(mean) and math.isfinite(limit) and comparison):
        return None
    low = min(0.0, mean - half_width, limit)
    high = max(mean + half_width, limit) + 1e-300
    # Where both lie close together far from 0, only their surroundings are shown.
    around = max(abs(mean - limit), half_width)
    if low == 0 and min(mean, limit) > 0 and around < 0.15 * high:
        low = max(0.0, min(mean, limit) - 3 * around)
    high += 0.12 * (high - low)

    def x(value: float) -> float:
        return round(4 + 202 * (value - low) / (high - low), 1)

    allowed = {"<": (low, limit), "<=": (low, limit), ">": (limit, high), ">=": (limit, high)}
    left, right = allowed.get(comparison, (limit, limit))
    return Markup(
        '<svg viewBox="0 0 210 26" aria-hidden="true">'
        '<line x1="4" x2="206" y1="13" y2="13" stroke="var(--line)" stroke-width="1"/>'
        '<rect x="{}" y="8" width="{}" height="10" fill="var(--status)" opacity=".22"/>'
        '<line x1="{}" x2="{}" y1="3" y2="23" stroke="var(--ink)" stroke-width="1.5"/>'
        '<line x1="{}" x2="{}" y1="13" y2="13" stroke="var(--status)" stroke-width="3"/>'
        '<circle cx="{}" cy="13" r="4.5" fill="var(--status)"/></svg>'
    ).format(
        x(left),
        round(x(right) - x(left), 1),
        x(limit),
        x(limit),
        x(mean - half_width),
        x(mean + half_width),
        x(mean),
    )


def _half_width(estimate: Estimate | None) -> str:
    """The half-width as `interval` writes it, "" where there is none."""
    if estimate is None or not math.isfinite(estimate.half_width) or estimate.half_width <= 0:
        return ""
    return interval(estimate).partition("± ")[2]


def _with_interval(estimate: Estimate | None) -> str:
    return quantity(None, "s") if estimate is None else interval(estimate)


def _cell(estimate: Estimate | None) -> dict[str, str]:
    value = quantity(estimate.mean, estimate.unit) if estimate else quantity(None, "")
    return {"value": value, "pm": _half_width(estimate)}


def _client(summary: ClientSummary) -> dict[str, Any]:
    client = summary.client
    tiles = [
        {
            "what": what,
            "bad": metric in ("rejected", "errors") and _positive(summary.figures[metric]),
            **_cell(summary.figures[metric]),
        }
        for what, metric in TILES
    ]
    most = {"what": "connections at most", "bad": False, "pm": ""}
    tiles.insert(4, {**most, "value": f"{summary.most_connections:,}"})
    instances = f"{client.instances:,} instances, " if client.instances > 1 else ""
    return {
        "name": client.name,
        "about": f"{client.driver_name}, protocol v{client.protocol}, "
        f"{instances}in {client.datacenter}",
        "closed_loop": words.CLOSED_LOOP if summary.closed_loop else "",
        "instances": client.instances,
        "tiles": tiles,
        "cells": [_cell(estimate) for estimate in summary.figures.values()],
        "hosts": [_host(host) for host in summary.hosts],
        "host_totals": ["all", *(_total(summary, field) for _, field in HOST_COLUMNS)],
    }


def _positive(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.mean > 0


def _host(host: HostSummary) -> list[dict[str, str]]:
    cells = [{"text": host.node, "css": "wrap", "used": ""}]
    for _, field in HOST_COLUMNS:
        value = getattr(host, field)
        if field == "peak_use":
            share = f"{100 * min(value, 1.0):.0f}%"
            cells.append({"text": share, "css": "use", "used": share})
        else:
            bad = field in BAD and value > 0
            cells.append({"text": f"{value:,}", "css": "bad" if bad else "", "used": ""})
    return cells


def _total(summary: ClientSummary, field: str) -> str:
    if field not in SUMMED:
        return ""
    return f"{sum(getattr(host, field) for host in summary.hosts):,}"


def _events(results: Results) -> dict[str, Any]:
    """The first events of the first replication in words, and how many there are."""
    events = tables.events(results.replications[0])
    total = tables.rows(events)
    shown = min(total, MOST_EVENTS)
    note = f"All {total:,} events" if shown == total else f"The first {shown} of {total:,} events"
    if len(results.replications) > 1:
        note += " of the first replication"
    if shown < total:
        note += "; events.parquet holds all"
    columns = {name: tables.codes(events, name) for name in ("kind", "client", "node")}
    named = {name: [names[c] for c in codes[:shown]] for name, (codes, names) in columns.items()}
    counted = {
        name: tables.numbers(events, name)[:shown]
        for name in ("time_s", "instance", "connection", "value")
    }
    rows = []
    for k in range(shown):
        kind = named["kind"][k]
        instance, connection = int(counted["instance"][k]), int(counted["connection"][k])
        rows.append(
            (
                f"{counted['time_s'][k]:,.6f} s",
                words.event_text(kind),
                words.event_detail(kind, int(counted["value"][k])),
                named["client"][k],
                str(instance) if instance >= 0 and named["client"][k] else "",
                named["node"][k],
                str(connection) if connection >= 0 else "",
            )
        )
    return {"note": note, "rows": rows}


def _facts(results: Results) -> list[tuple[str, str]]:
    scenario = results.scenario
    runs = len(results.replications)
    facts = [
        ("duration", setting(scenario.duration_ns / NANOSECONDS)),
        ("warm-up", setting(results.warm_up_s)),
        ("replications", f"{runs:,}"),
        ("seed", str(scenario.seed)),
        ("engine", results.engine),
        ("inputs", results.inputs),
        ("digest", results.digest),
    ]
    facts += [(f"{name} in all", f"{number:,}") for name, number in results.numbers.items()]
    return facts


def _colours() -> dict[str, Markup]:
    """Each colour of the plots as a variable of the page, once for bright and once for dark."""
    bright = [f"  {_variable(colour)}: {colour};" for colour in style.DARK]
    dark = [f"    {_variable(colour)}: {other};" for colour, other in style.DARK.items()]
    return {"light": Markup("\n".join(bright)), "dark": Markup("\n".join(dark))}


def _variable(colour: str) -> str:
    return f"--plot-{colour[1:]}"


def _inlined(plot: Plot) -> Markup:
    """A plot as part of the page: sized and coloured by its style sheet, described in words."""
    tag, _, rest = plot.svg.partition(">")
    box = re.search(r'viewBox="[^"]*"', tag)
    rest = re.sub("|".join(style.DARK), lambda found: f"var({_variable(found.group(0))})", rest)
    head = Markup('<svg {} role="img" aria-label="{}">').format(
        Markup(box.group(0)) if box else Markup(""), plot.description
    )
    return head + Markup(rest)
