"""A result in the terminal: the verdict first, the line that reproduces the run last.

Names come from files and may hold anything, so nothing here is parsed as markup; text is wrapped
here and not by the console, which would tear numbers from their units.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from poolsim.estimation.monitor import Monitored
from poolsim.estimation.orm import OrmReport
from poolsim.estimation.results import Results
from poolsim.report import monitors, orm_pools, words
from poolsim.report.budget import bound_text, budgets, memory_text, signal_text, threads_text
from poolsim.report.growth import NANOSECONDS
from poolsim.report.summaries import (
    CLIENT_METRICS,
    ClientSummary,
    FaultTimes,
    HostSummary,
    client_summaries,
    fault_times,
)
from poolsim.report.units import MISSING, NO_BREAK, counted, plain, quantity, setting, shorten

COLOURS = {"passed": "green", "failed": "red", "inconclusive": "yellow", "none": "cyan"}
MOST_STALLS, MOST_RECOVERIES, MOST_WARNINGS, MOST_HOSTS, MOST_FILES = 8, 12, 8, 12, 20
MOST_METRIC_ROWS = 6

HOST_COLUMNS = (
    ("connec-\ntions", "connections"),
    ("most", "most_connections"),
    ("peak\nload", "peak_load"),
    ("max\nload", "max_load"),
    ("opened", "opened"),
    ("trashed", "trashed"),
    ("resur-\nrected", "resurrected"),
    ("lost", "lost"),
    ("peak\nqueue", "peak_pending"),
    ("rejected", "rejected"),
)


@dataclass(frozen=True, slots=True)
class Symbols:
    """The signs that the output's encoding allows."""

    marks: dict[str, str]
    plus_minus: str
    ascii_only: bool

    def show(self, text: str) -> str:
        """`text` as the terminal can print it, controls shown and not obeyed."""
        kept = plain(text)
        if not self.ascii_only:
            return kept
        for sign, replacement in ((MISSING, "-"), ("…", "..."), ("µ", "u"), (NO_BREAK, " ")):
            kept = kept.replace(sign, replacement)
        return kept.encode("ascii", "backslashreplace").decode("ascii")


UNICODE = Symbols({"passed": "✓", "failed": "✗", "inconclusive": "?", "none": "•"}, "±", False)
ASCII = Symbols({"passed": "+", "failed": "x", "inconclusive": "?", "none": "*"}, "+-", True)


class Page:
    """Prints paragraphs, lists and tables no wider than the console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = console.width
        self.symbols = ASCII if console.options.ascii_only else UNICODE

    def name(self, name: str, limit: int = 24) -> str:
        """A name from the scenario, at most so long, as the terminal can print it."""
        return self.symbols.show(shorten(plain(name), limit))

    def line(self, *parts: tuple[str, str]) -> None:
        """One line of (text, style) parts; longer than the console it is left to the terminal."""
        line = Text(no_wrap=True)
        for text, style in parts:
            line.append(self.symbols.show(text).replace(NO_BREAK, " "), style)
        self.console.print(line, soft_wrap=True, highlight=False)

    def paragraph(self, text: str, style: str = "", first: str = "", indent: str = "  ") -> None:
        """A wrapped paragraph; a number and its unit stay on one line."""
        shown = self.symbols.show(text) if not self.symbols.ascii_only else plain(text)
        wrapped = textwrap.wrap(
            shown,
            max(20, self.width - 1),
            initial_indent=first or indent,
            subsequent_indent=indent if not first else " " * len(first),
            break_on_hyphens=False,
        )
        for line in wrapped:
            self.line((line, style))

    def heading(self, text: str) -> None:
        """A blank line and a heading."""
        self.line(("", ""))
        self.paragraph(text, "bold", indent="")

    def items(self, texts: list[str], most: int, style: str = "") -> None:
        """A list, its end counted rather than shown where it is longer than `most`."""
        for text in texts[:most]:
            self.paragraph(text, style, first="  - ")
        if len(texts) > most:
            self.line((f"    and {len(texts) - most} more (report.html lists all)", "dim"))

    def table(self, headings: list[str], rows: list[list[str]]) -> Table:
        """A table of names in the first column and numbers in the others."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
        for number, heading in enumerate(headings):
            table.add_column(
                Text(self.symbols.show(heading) if not number else heading),
                justify="right" if number else "left",
                no_wrap=True,
                vertical="bottom",
            )
        for row in rows:
            table.add_row(*(Text(self.symbols.show(cell)) for cell in row))
        return table

    def fits(self, table: Table) -> bool:
        """Whether the console is wide enough for every cell of the table."""
        unbounded = self.console.options.update(width=10_000)
        return self.console.measure(table, options=unbounded).maximum <= self.width

    def put(self, table: Table) -> None:
        """Prints a table."""
        self.console.print(table, highlight=False)


def show(results: Results, console: Console, run_directory: Path | None) -> None:
    """Prints `results` on `console`; `run_directory` is where its files lie, if they were written.

    Honours the console's width, colours (NO_COLOR) and encoding.
    """
    page = Page(console)
    summaries = client_summaries(results)
    times = fault_times(summaries)
    _verdicts(page, results)
    _clients(page, results, summaries)
    _hosts(page, results, summaries)
    _budgets(page, results, summaries)
    _faults(page, results, times)
    if results.stalls:
        page.heading("Stalls")
        page.items([words.stall_text(stall) for stall in results.stalls], MOST_STALLS)
    failures = words.first_failures(results)
    if failures:
        page.heading("First failures")
        page.items(list(failures), 3)
    for one in results.monitors:
        _monitor(page, one)
    for pool in results.orm_reports:
        _orm(page, pool)
    _notes(page, results)
    _effort(page, results)
    _files(page, run_directory)
    page.line(("", ""))
    page.line((results.reproduce, "bold"))


def _verdicts(page: Page, results: Results) -> None:
    overall = words.headline(results)
    mark = page.symbols.marks[overall.status]
    page.line((f"{mark} {overall.text}", f"bold {COLOURS[overall.status]}"))
    title = f"{results.scenario.name}: {results.scenario.question}".rstrip(": ")
    page.paragraph(title)
    texts = [page.symbols.show(verdict.text) for verdict in results.verdicts]
    column = min(max(map(len, texts), default=0), max(24, page.width // 2))
    if texts:
        page.line(("", ""))
    for verdict, text in zip(results.verdicts, texts, strict=True):
        colour = COLOURS[verdict.status]
        value = words.verdict_value(verdict, page.symbols.plus_minus)
        start = [(f"{page.symbols.marks[verdict.status]} ", f"bold {colour}"), (text, "bold")]
        reason = verdict.reason if verdict.status != "passed" else ""
        if 2 + column + 3 + len(value) > page.width or len(text) > column:
            page.line(*start)
            page.line((f"    {value}", ""))
        else:
            page.line(*start, (" " * (column - len(text) + 3) + value, ""))
        if reason:
            page.paragraph(reason, "dim", indent="    ")


def _clients(page: Page, results: Results, summaries: list[ClientSummary]) -> None:
    page.heading("Clients")
    names = [page.name(summary.name, 20) for summary in summaries]
    cells = [
        [
            quantity(estimate.mean if estimate else None, estimate.unit if estimate else "")
            for estimate in summary.figures.values()
        ]
        for summary in summaries
    ]
    titles = [title for title, _ in CLIENT_METRICS]
    heads = [title.replace("latency ", "latency\n").replace("wait ", "wait\n") for title in titles]
    wide = page.table(
        ["client", *heads], [[name, *row] for name, row in zip(names, cells, strict=True)]
    )
    if page.fits(wide):
        page.put(wide)
    else:
        # A column per client, as many side by side as fit.
        widest = max(10, *(len(name) for name in names)) + 2
        beside = max(1, (page.width - 12) // widest)
        for start in range(0, len(names), beside):
            chosen = slice(start, start + beside)
            rows = [
                [title, *(row[number] for row in cells[chosen])]
                for number, title in enumerate(titles)
            ]
            page.put(page.table(["", *names[chosen]], rows))
    runs = len(results.replications)
    if runs > 1:
        page.line((f"means of {runs:,} replications", "dim"))
    for summary in summaries:
        if summary.closed_loop:
            page.paragraph(f"{page.name(summary.name, 40)}: {words.CLOSED_LOOP}", "dim", indent="")


def _hosts(page: Page, results: Results, summaries: list[ClientSummary]) -> None:
    hosts = [host for summary in summaries for host in summary.hosts]
    if not hosts:
        return
    first = "first replication, " if len(results.replications) > 1 else ""
    page.heading(f"Pools by host ({first}connections as at the end)")
    several = len(summaries) > 1
    for summary in summaries:
        shown, rest = _notable(summary.hosts)
        name = page.name(summary.name)
        table = page.table(
            [name, *(title for title, _ in HOST_COLUMNS)],
            [
                [page.name(host.node), *(f"{getattr(host, field):,}" for _, field in HOST_COLUMNS)]
                for host in shown
            ],
        )
        if page.fits(table) and shown:
            page.put(table)
        else:
            for host in shown:
                _host_lines(page, host, several)
        if rest:
            page.paragraph(_rest_text(rest), "dim")
        if summary.client.instances > 1:
            page.line((f"  sums over {summary.client.instances:,} instances", "dim"))


def _budgets(page: Page, results: Results, summaries: list[ClientSummary]) -> None:
    """Memory, the bound of the throughput and signals, of clients that have them."""
    found = budgets(results, summaries)
    if not found:
        return
    page.heading("Memory, throughput and signals by the document's formulas")
    for budget in found:
        name = f"{page.name(budget.client)} " if len(summaries) > 1 else ""
        page.paragraph(f"{name}memory: {memory_text(budget.memory)}")
        page.paragraph(f"{name}threads: {threads_text(budget.threads)}")
        page.paragraph(f"{name}throughput: {bound_text(budget.bound)}")
        for signal in budget.signals:
            if signal.count > 0:
                page.paragraph(f"{name}{signal_text(signal)}", "yellow", first="  - ")


def _notable(hosts: tuple[HostSummary, ...]) -> tuple[list[HostSummary], list[HostSummary]]:
    """The hosts to name, in the cluster's order, and the rest: troubled and busiest ones first."""
    if len(hosts) <= MOST_HOSTS:
        return list(hosts), []
    ranked = sorted(
        hosts,
        key=lambda host: (host.lost + host.rejected + host.errors, host.peak_load),
        reverse=True,
    )
    named = {host.node for host in ranked[: MOST_HOSTS // 2]}
    shown = [host for host in hosts if host.node in named]
    return shown, [host for host in hosts if host.node not in named]


def _rest_text(rest: list[HostSummary]) -> str:
    def span(field: str) -> str:
        values = [getattr(host, field) for host in rest]
        low, high = min(values), max(values)
        return f"{low:,}" if low == high else f"{low:,}-{high:,}"

    return (
        f"{len(rest):,} more hosts, each: connections {span('connections')}, most "
        f"{span('most_connections')}, peak load {span('peak_load')}, max load {span('max_load')}; "
        f"in all: opened {sum(host.opened for host in rest):,}, "
        f"trashed {sum(host.trashed for host in rest):,}, "
        f"resurrected {sum(host.resurrected for host in rest):,}, "
        f"lost {sum(host.lost for host in rest):,}, "
        f"rejected {sum(host.rejected for host in rest):,}"
    )


def _host_lines(page: Page, host: HostSummary, several: bool) -> None:
    """As Session.getState is printed in the driver's manual, for narrow consoles."""
    node = page.name(host.node)
    name = f"{page.name(host.client)} {node}" if several else node
    loads = f"peak{NO_BREAK}load={host.peak_load:,}, max{NO_BREAK}load={host.max_load:,}"
    page.paragraph(f"{name} connections={host.connections:,}, {loads}")
    counts = (
        f"most{NO_BREAK}{host.most_connections:,}, opened{NO_BREAK}{host.opened:,}, "
        f"trashed{NO_BREAK}{host.trashed:,}, resurrected{NO_BREAK}{host.resurrected:,}, "
        f"lost{NO_BREAK}{host.lost:,}, rejected{NO_BREAK}{host.rejected:,}"
    )
    page.paragraph(counts, "dim", indent="    ")


def _faults(page: Page, results: Results, times: list[FaultTimes]) -> None:
    scenario = results.scenario
    if scenario.faults or scenario.changes:
        page.heading("Faults and changes")
        page.items([words.fault_text(fault) for fault in scenario.faults], MOST_RECOVERIES)
        page.items([words.change_text(change) for change in scenario.changes], MOST_RECOVERIES)
    if times:
        heads = ["client", "detect", "fail over", "recover"]
        heads += ["unnoticed"] if any(one.unnoticed for one in times) else []
        rows = [
            [
                page.name(one.client),
                *(
                    quantity(estimate.mean if estimate else None, "s")
                    for estimate in (one.detect, one.fail_over, one.recover, one.unnoticed)
                ),
            ][: len(heads)]
            for one in times
        ]
        page.put(page.table(heads, rows))
    if results.recoveries:
        page.heading("Recovery")
        # What did not recover must not hide behind what did.
        ordered = sorted(results.recoveries, key=lambda one: one.status == "recovered")
        for recovery in ordered[:MOST_RECOVERIES]:
            good = recovery.status == "recovered"
            mark = page.symbols.marks["passed" if good else "failed"]
            page.paragraph(words.recovery_text(recovery), first=f"  {mark} ")
        if len(ordered) > MOST_RECOVERIES:
            rest = len(ordered) - MOST_RECOVERIES
            page.line((f"    and {rest} more (report.html lists all)", "dim"))


def _monitor(page: Page, one: Monitored) -> None:
    """What a wrapper saw of its hosts, and what it warned of."""
    page.heading(monitors.title(one))
    for text in (monitors.warm_up_text(one), monitors.round_text(one)):
        if text:
            page.paragraph(text)
    if one.rounds:
        rows = monitors.host_rows(one.rounds[-1])
        page.put(page.table(list(monitors.HEADS), rows[:MOST_HOSTS]))
    page.items(monitors.warning_texts(one), MOST_WARNINGS, "yellow")


def _orm(page: Page, one: OrmReport) -> None:
    """What a CassandraORM pool says of itself."""
    page.heading(orm_pools.title(one))
    for text in orm_pools.texts(one):
        page.paragraph(text)
    page.put(page.table(list(orm_pools.HOST_HEADS), orm_pools.host_rows(one)[:MOST_HOSTS]))
    rows = orm_pools.metric_rows(one)[-MOST_METRIC_ROWS:]
    table = page.table(list(orm_pools.METRIC_HEADS), rows)
    if rows and page.fits(table):
        page.put(table)
    page.items(orm_pools.problems(one), MOST_WARNINGS, "yellow")


def _notes(page: Page, results: Results) -> None:
    if results.warnings:
        page.heading("Warnings")
        page.items(list(results.warnings), MOST_WARNINGS, "yellow")
    if results.warm_up_s > 0:
        duration = setting(results.scenario.duration_ns / NANOSECONDS)
        warm_up = setting(results.warm_up_s)
        page.line(("", ""))
        page.line((f"warm-up: the first {warm_up} of {duration} do not count", "dim"))


def _effort(page: Page, results: Results) -> None:
    """What the run took; the only line that tells of a clock."""
    text = counted(len(results.replications), "replication")
    if "requests" in results.numbers:
        text += f", {counted(results.numbers['requests'], 'request')}"
    text += f" in {quantity(results.elapsed_s, 's', space=NO_BREAK)}"
    page.line(("", ""))
    page.paragraph(f"{text} with the {results.engine} engine", "dim", indent="")


def _files(page: Page, run_directory: Path | None) -> None:
    if run_directory is None:
        return
    page.heading("Files")
    page.line((f"  {run_directory}/", ""))
    if run_directory.is_dir():
        names = sorted(
            entry.name + ("/" if entry.is_dir() else "") for entry in run_directory.iterdir()
        )
        shown = names[:MOST_FILES] + ["…"] * (len(names) > MOST_FILES)
        page.paragraph("  ".join(shown), "dim", indent="    ")
