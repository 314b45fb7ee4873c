"""Measures everything and writes reports/performance/: a page, and plots as SVG.

    make benchmark, or: python -m benchmarks.report [--rounds 5] [--quick]

Under 25 minutes on two cores. It needs numba, and takes salabim, ciw, cimba and a C compiler where
they are there (peers/requirements.txt, in an environment of their own, which the make target sets
up).
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

from benchmarks import memory
from benchmarks.bars import Bar, bars
from benchmarks.compare import Measured, compare, disagreement, ratios
from benchmarks.growth import Grown, grow
from benchmarks.pairs import Compared, compare_pairs
from benchmarks.profile import PARTS, Profiled, profile_all
from benchmarks.start import Start, measure_start
from benchmarks.workload import S, W, Workload

FOLDER = Path(__file__).parents[1] / "reports" / "performance"
LARGEST = 10**8
LARGEST_WHEN_QUICK = 10**5


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def _table(workload: Workload, measured: list[Measured]) -> list[str]:
    lines = [
        "| program | times SimPy | range | requests/s (CPU) | agrees with theory |",
        "|---|---:|---|---:|---|",
    ]
    for one in sorted(measured, key=lambda one: -one.median_ns):
        own = ratios(one, measured[0])
        assert one.summary is not None
        wrong = disagreement(workload, one.summary)
        name = f"**{one.program.name}**" if one.program.recording else one.program.name
        lines.append(
            f"| {name} | {statistics.median(own):.3g} | {min(own):.3g} to {max(own):.3g} "
            f"| {1e9 / one.median_ns:,.0f} | {wrong or 'yes'} |"
        )
    return lines


def _growth_table(grown: list[Grown]) -> list[str]:
    lines = ["| | at | requests | ns a request | peak MiB |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {one.point.curve} | {one.point.at:,} | {one.requests:,} | {one.ns:,.0f} "
        f"| {one.peak_bytes / 2**20:,.0f} |"
        for one in grown
    ]
    return lines


def _bars_table(found: list[Bar]) -> list[str]:
    lines = ["| | measured | asked for | |", "|---|---:|---:|---|"]
    lines += [
        f"| {bar.name} | {bar.text} | {bar.limit} | {'met' if bar.is_met else '**missed**'} |"
        for bar in found
    ]
    return lines


def _pairs_table(compared: list[Compared]) -> list[str]:
    lines = ["| | ratio | range | ns a request | |", "|---|---:|---|---:|---:|"]
    for one in compared:
        slower, faster = (statistics.median(ns) for ns in (one.slower_ns, one.faster_ns))
        lines.append(
            f"| {one.pair.name} | {one.median:.3g} "
            f"| {min(one.ratios):.3g} to {max(one.ratios):.3g} | {slower:,.0f} | {faster:,.0f} |"
        )
    return lines


def _start_table(start: Start) -> list[str]:
    lines = ["| | CPU seconds |", "|---|---:|"]
    for drivers, seconds in start.compilation_s.items():
        lines.append(f"| first compilation: {' and '.join(drivers)} | {seconds:.1f} |")
    for engine, seconds in start.start_s.items():
        lines.append(f"| a whole process of 1,000 requests, {engine} engine | {seconds:.2f} |")
    return lines


def _profile_table(profiled: list[Profiled]) -> list[str]:
    names = [one.name for one in profiled]
    lines = [f"| ns a request | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    lines += [
        f"| {part} | {' | '.join(f'{one.ns[part]:.1f}' for one in profiled)} |" for part in PARTS
    ]
    totals = " | ".join(f"{sum(one.ns.values()):.0f}" for one in profiled)
    return [*lines, f"| together | {totals} |"]


def _plot_ratios(measured: list[Measured], path: Path) -> None:
    import matplotlib.pyplot as plt

    ordered = sorted(measured, key=lambda one: -one.median_ns)
    values = [statistics.median(ratios(one, measured[0])) for one in ordered]
    colours = ["#1f77b4" if one.program.recording else "#9aa5b1" for one in ordered]
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(ordered) + 1), layout="constrained")
    bars = axes.barh([one.program.name for one in ordered], values, color=colours)
    axes.bar_label(bars, [f"{value:.3g}" for value in values], padding=3)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel(
        "times as fast as SimPy with a process per request (blue: poolsim, recording on)"
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
    plt.close(figure)


def _plot_growth(grown: list[Grown], path: Path) -> None:
    import matplotlib.pyplot as plt

    curves: dict[str, list[Grown]] = defaultdict(list)
    for one in grown:
        curves[one.point.curve].append(one)
    shown = {name: some for name, some in curves.items() if len(some) > 2}
    figure, panels = plt.subplots(2, 3, figsize=(11, 6), layout="constrained", squeeze=False)
    for axes, (name, some) in zip(panels.flat, shown.items(), strict=False):
        at = [one.point.at for one in some]
        axes.plot(at, [one.ns for one in some], "o-")
        axes.set(xscale="log", xlabel=name, ylabel="ns a request", ylim=(0, None))
    memory = panels.flat[len(shown)]
    some = shown["requests"]
    memory.plot([one.point.at for one in some], [one.peak_bytes / 2**20 for one in some], "o-")
    memory.set(xscale="log", xlabel="requests", ylabel="peak MiB", ylim=(0, None))
    figure.savefig(path)
    plt.close(figure)


def main() -> int:
    """Measure, write, and fail where a program contradicts theory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a look at whether it works")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    rounds, share = (2, 0.05) if given.quick else (given.rounds, 1.0)
    on_w = compare(W, rounds, _tell, share)
    on_s = compare(S, rounds, _tell, share)
    pairs = compare_pairs(rounds, share, _tell)
    profiled = profile_all(share, _tell)
    grown = grow(LARGEST_WHEN_QUICK if given.quick else LARGEST, _tell)
    start = measure_start(_tell)
    memory_ratio = memory.ratio_apart("simpy", _tell)
    found = bars(on_w, pairs, grown, start, memory_ratio)
    given.folder.mkdir(parents=True, exist_ok=True)
    _plot_ratios(on_w, given.folder / "workload-w.svg")
    _plot_ratios(on_s, given.folder / "workload-s.svg")
    _plot_growth(grown, given.folder / "growth.svg")
    today = datetime.datetime.now(datetime.UTC).date()
    page = [
        "# How fast poolsim simulates",
        "",
        f"Measured on {today} with `make benchmark`: Python {platform.python_version()} on "
        f"{platform.machine()}, one core, {rounds} rounds in which every program runs once; median "
        "of the rounds' ratios, CPU time. poolsim (bold) records timelines, distributions, events "
        "and a digest and checks its invariants meanwhile; the others add up a mean.",
        "",
        "## What was asked for",
        "",
        *_bars_table(found),
        "",
        "## Workload W: an M/M/8 queue behind a pool",
        "",
        *_table(W, on_w),
        "",
        "![Ratios on workload W](workload-w.svg)",
        "",
        "## Workload S: too few streams, so requests wait, are rejected, time out",
        "",
        *_table(S, on_s),
        "",
        "![Ratios on workload S](workload-s.svg)",
        "",
        "## Engines, fleets, requests in flight",
        "",
        "Both sides of a pair run in turn in one process, warm; CPU time from the scenario to its "
        "record, so the world's building is part of it, imports and compilation are not.",
        "",
        *_pairs_table(pairs),
        "",
        "## Where the time goes (compiled engine)",
        "",
        "CPU time of a warm run, part by part. What was done about each of them: "
        "[docs/speed.md](../../docs/speed.md).",
        "",
        *_profile_table(profiled),
        "",
        "## How it grows (compiled engine)",
        "",
        "Each point is a process of its own, and what it costs to import and load the machine code "
        "is part of it: that is most of the time of few requests.",
        "",
        *_growth_table(grown),
        "",
        "![Growth](growth.svg)",
        "",
        "## Start",
        "",
        *_start_table(start),
        "",
    ]
    (given.folder / "README.md").write_text("\n".join(page), encoding="utf-8")
    _tell(f"written to {given.folder}")
    contradictions = [
        f"{one.program.name}: {wrong}"
        for workload, measured in ((W, on_w), (S, on_s))
        for one in measured
        if one.summary is not None and (wrong := disagreement(workload, one.summary))
    ]
    for bar in found:
        verdict = "met" if bar.is_met else "MISSED"
        print(f"{verdict}: {bar.name}: {bar.text} ({bar.limit})")
    print("\n".join(contradictions) or "every program agrees with theory")
    return 1 if contradictions else 0


if __name__ == "__main__":
    sys.exit(main())
