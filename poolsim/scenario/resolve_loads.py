"""Loads: one kind each, with phases that belong to it and follow one another."""

from __future__ import annotations

import itertools
from dataclasses import replace

from poolsim.scenario.context import DURATION_PATH, Context
from poolsim.scenario.entries import (
    LOAD_KINDS,
    MOST_ITEMS,
    BurstsEntry,
    LoadEntry,
    PhaseEntry,
    TraceEntry,
)
from poolsim.scenario.fields import Multiple
from poolsim.scenario.recorded import TRACE_COLUMNS
from poolsim.scenario.resolve_laws import resolve_law, table_of
from poolsim.scenario.scenario import Load, Phase
from poolsim.scenario.units import format_duration

SINGLE_BURST_AT_NS = 1_000_000_000
_HARMLESS = Load("poisson", rate=1.0)
PHASE_KEYS = {"rate": "rate", "ramp_to": "ramp", "window": "window", "users": "users"}
"""Kind of a phase by its key in the file."""
KEYS_OF_LOAD = {
    "poisson": ("rate", "ramp_to"),
    "uniform": ("rate", "ramp_to"),
    "closed": ("window",),
    "users": ("users",),
}


def resolve_load(entry: LoadEntry, context: Context) -> Load:
    """The load of an entry; what is wrong with it is in the findings."""
    kinds = [kind for kind in LOAD_KINDS if getattr(entry, kind) is not None]
    if len(kinds) != 1:
        if kinds:
            kinds = context.written_order(entry, kinds)
            message = f"{' and '.join(kinds)} at once: keep one (or write a second client)"
            context.note(entry, kinds[1], message=message, of_key=True)
        else:
            context.note(entry, message=f"no load: one of {', '.join(LOAD_KINDS)} is needed here")
        context.findings.break_off((*entry.path, "phases"))
        return _HARMLESS
    load = _base(entry, context)
    return replace(load, phases=_phases(entry, load, context))


def _base(entry: LoadEntry, context: Context) -> Load:
    """The load without its phases."""
    if entry.poisson is not None:
        return Load("poisson", rate=entry.poisson.rate)
    if entry.uniform is not None:
        return Load("uniform", rate=entry.uniform.rate)
    if entry.bursts is not None:
        return _bursts(entry.bursts, context)
    if entry.closed is not None:
        pause = entry.closed.error_pause
        return Load("closed", window=entry.closed.window, error_pause_ns=pause)
    if entry.users is not None:
        return Load(
            "users",
            count=entry.users.count,
            think=resolve_law(entry.users.think, context),
            error_pause_ns=entry.users.error_pause,
        )
    assert entry.trace is not None
    return _trace(entry.trace, context)


def _bursts(entry: BurstsEntry, context: Context) -> Load:
    """Bursts; the first comes after one period, a single one at 1 s."""
    if entry.first is not None:
        first_ns = context.moment(entry.first)
    else:
        first_ns = entry.every or SINGLE_BURST_AT_NS
    if first_ns >= context.duration_ns:
        end = format_duration(context.duration_ns)
        message = f"the first burst comes at {format_duration(first_ns)}, the run ends at {end}"
        key = "first" if entry.first is not None else "every"
        context.note(entry, key, message=message, uses=[DURATION_PATH])
    return Load("bursts", size=entry.size, every_ns=entry.every or 0, first_ns=first_ns)


def _trace(entry: TraceEntry, context: Context) -> Load:
    """Recorded arrivals, in the order of their times."""
    table = table_of(entry, bool(entry.times), "times", TRACE_COLUMNS, context)
    if table is not None:
        columns = table[0].columns
        times, services, keys = (columns.get(name, ()) for name in ("time", "service", "key"))
        source = table[1]
    else:
        times, services, keys = tuple(entry.times), tuple(entry.services), tuple(entry.keys)
        source = None
        for name, values in (("services", services), ("keys", keys)):
            if values and len(values) != len(times):
                message = f"{len(values)} {name} for {len(times)} times: one for each is needed"
                context.note(entry, name, message=message, uses=[(*entry.path, "times")])
                return _HARMLESS
    order = sorted(range(len(times)), key=times.__getitem__)
    return Load(
        "trace",
        times_ns=tuple(times[index] for index in order),
        services_ns=tuple(services[index] for index in order) if services else (),
        keys=tuple(keys[index] for index in order) if keys else (),
        source=source,
    )


def _phases(entry: LoadEntry, load: Load, context: Context) -> tuple[Phase, ...]:
    """The phases in the order of time."""
    if len(entry.phases) > MOST_ITEMS:
        message = f"{len(entry.phases)} phases: at most {MOST_ITEMS}"
        context.note(entry, "phases", message=message)
        return ()
    resolved: list[tuple[PhaseEntry, Phase]] = []
    names: set[str] = set()
    for phase_entry in entry.phases:
        place = phase_entry.path[-1]
        assert isinstance(place, int)
        name = phase_entry.name or f"phase{place + 1}"
        if name in names:
            key = ("name",) if phase_entry.name else ()
            context.note(phase_entry, *key, message=f"a second phase '{name}'")
        names.add(name)
        phase = _phase(phase_entry, name, load, context)
        if phase is not None:
            resolved.append((phase_entry, phase))
    resolved.sort(key=lambda item: item[1].at_ns)
    for (earlier_entry, earlier), (later_entry, later) in itertools.pairwise(resolved):
        if later.at_ns < max(earlier.at_ns + earlier.for_ns, earlier.at_ns + 1):
            end = format_duration(earlier.at_ns + earlier.for_ns)
            message = f"{later.name} begins before {earlier.name} has ended (at {end})"
            if earlier.for_ns == 0:
                message = f"{later.name} and {earlier.name} begin at the same time"
            times = (earlier_entry.at, earlier_entry.duration, later_entry.at)
            uses = [(*earlier_entry.path, "at"), (*earlier_entry.path, "for")]
            uses += context.rests_on_duration(*times)
            context.note(later_entry, "at", message=message, uses=uses)
    if len(resolved) < len(entry.phases):
        # Nobody is told that a phase does not exist whose mistake is reported already.
        context.findings.break_off((*entry.path, "phases"))
    return tuple(phase for _, phase in resolved)


def _phase(entry: PhaseEntry, name: str, load: Load, context: Context) -> Phase | None:
    """One phase; None where it does not say what changes."""
    at_ns = context.moment(entry.at)
    for_ns = context.moment(entry.duration) if entry.duration is not None else 0
    context.begins_in_time(entry, at_ns, "the phase")
    keys = [key for key in PHASE_KEYS if getattr(entry, key) is not None]
    if len(keys) != 1:
        if keys:
            keys = context.written_order(entry, keys)
            message = f"{' and '.join(keys)} at once: keep one"
            context.note(entry, keys[1], message=message, of_key=True)
        else:
            known = ", ".join(PHASE_KEYS)
            context.note(entry, message=f"no change of the load: one of {known} is needed here")
        return None
    key = keys[0]
    allowed = KEYS_OF_LOAD.get(load.kind, ())
    if key not in allowed:
        hint = f"write {' or '.join(allowed)}" if allowed else "it has no level to change"
        message = f"a load of kind {load.kind} has no {key}: {hint}"
        context.note(entry, key, message=message, of_key=True)
        return None
    if key == "ramp_to" and entry.duration is None:
        context.note(entry, message="a ramp needs `for`: how long it takes")
        return None
    level = getattr(entry, key)
    value = load.rate * level.factor if isinstance(level, Multiple) else float(level)
    return Phase(name, PHASE_KEYS[key], at_ns, for_ns, value)
