"""Laws of durations: one kind each, with parameters that make a law."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal
from pathlib import Path

from poolsim.scenario.context import Context
from poolsim.scenario.entries import EmpiricalEntry, Entry, LawEntry, TraceEntry
from poolsim.scenario.recorded import (
    SAMPLE_COLUMNS,
    BadRowsError,
    Column,
    Table,
    UnreadableFileError,
    read_table,
)
from poolsim.scenario.scenario import Law, Source
from poolsim.scenario.units import format_duration

LAW_KINDS = ("constant", "exponential", "lognormal", "gamma", "percentiles", "empirical")
_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{1,9})?)", re.ASCII)
_HARMLESS = Law("constant", mean_ns=1)


def resolve_law(entry: LawEntry, context: Context) -> Law:
    """The law of an entry; what is wrong with it is in the findings."""
    kinds = [kind for kind in LAW_KINDS if getattr(entry, kind) is not None]
    if len(kinds) != 1:
        known = ", ".join(LAW_KINDS)
        if kinds:
            kinds = context.written_order(entry, kinds)
            message = f"{' and '.join(kinds)} at once: keep one"
            context.note(entry, kinds[1], message=message, of_key=True)
        else:
            context.note(entry, message=f"no law: one of {known} is needed here")
        return _HARMLESS
    if entry.constant is not None:
        return Law("constant", mean_ns=entry.constant.mean)
    if entry.exponential is not None:
        if entry.exponential.mean == 0:
            context.note(entry, "exponential", message="a mean of 0s is no law: more is needed")
        return Law("exponential", mean_ns=entry.exponential.mean)
    if entry.lognormal is not None:
        median, p99 = entry.lognormal.median, entry.lognormal.p99
        if p99 <= median:
            message = f"p99 is not above the median ({format_duration(median)})"
            context.note(
                entry.lognormal, "p99", message=message, uses=[(*entry.lognormal.path, "median")]
            )
        return Law("lognormal", median_ns=median, p99_ns=p99)
    if entry.gamma is not None:
        return Law("gamma", mean_ns=entry.gamma.mean, shape=entry.gamma.shape)
    if entry.percentiles is not None:
        return _percentiles(entry, entry.percentiles, context)
    assert entry.empirical is not None
    return _empirical(entry.empirical, context)


def _percentiles(entry: LawEntry, written: dict[str, int], context: Context) -> Law:
    """Points in rising order of their share."""
    points: dict[float, tuple[int, str]] = {}
    for name, duration in written.items():
        match = _PERCENTILE.fullmatch(name)
        share = float(Decimal(match[1]) / 100) if match else -1.0
        if not 0 <= share <= 1:
            message = "not a percentile: write p50, p99 or p99.9"
            context.note(entry, "percentiles", name, message=message, of_key=True)
        elif share in points:
            message = f"the same percentile as {points[share][1]}"
            context.note(entry, "percentiles", name, message=message, of_key=True)
        else:
            points[share] = (duration, name)
    ordered = sorted(points.items())
    for (_, (lower, lower_name)), (_, (upper, name)) in itertools.pairwise(ordered):
        if upper < lower:
            message = (
                f"percentiles must rise: {name} is {format_duration(upper)}, but {lower_name} is "
                f"{format_duration(lower)}"
            )
            context.note(entry, "percentiles", name, message=message)
    if len(written) < 2:
        context.note(entry, "percentiles", message="at least two percentiles are needed")
    return Law("percentiles", points=tuple((share, point[0]) for share, point in ordered))


def _empirical(entry: EmpiricalEntry, context: Context) -> Law:
    """Samples from a file or written out, in rising order."""
    table = table_of(entry, bool(entry.samples), "samples", SAMPLE_COLUMNS, context)
    if table is None:
        samples, source = tuple(sorted(entry.samples)), None
    else:
        samples = tuple(sorted(table[0].columns["service"]))
        source = table[1]
    if not samples:
        samples = (1,)
    return Law("empirical", samples_ns=samples, source=source)


def table_of(
    entry: EmpiricalEntry | TraceEntry,
    is_written_out: bool,
    key: str,
    columns: tuple[Column, ...],
    context: Context,
) -> tuple[Table, Source] | None:
    """The table that an entry's `file` names; None where its values are written out."""
    if entry.file is None:
        if not is_written_out:
            context.note(entry, message=f"a file or {key} are needed here")
        return None
    if is_written_out:
        context.note(entry, key, message=f"file and {key} at once: keep one", of_key=True)
        return None
    path = context.directory / entry.file
    try:
        table = read_table(path, columns)
    except UnreadableFileError as error:
        context.note(entry, "file", message=str(error))
        return None
    except BadRowsError as error:
        for mistake in error.mistakes:
            context.findings.add_mistake(mistake)
        first = error.mistakes[0]
        message = f"the file has mistakes, the first in line {first.line}: {first.message}"
        context.note(entry, "file", message=message)
        return None
    _check_hash(entry, table, entry.sha256, path, context)
    return table, Source(str(path.resolve()), table.sha256)


def _check_hash(
    entry: Entry, table: Table, expected: str | None, path: Path, context: Context
) -> None:
    if expected is not None and expected != table.sha256:
        message = f"{path} has changed: its sha256 is {table.sha256}"
        context.note(entry, "sha256", message=message)
