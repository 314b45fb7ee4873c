"""Faults and changes: that they fall into the run, name what exists and do not collide."""

from __future__ import annotations

from poolsim.scenario.context import Context
from poolsim.scenario.document import Block
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.entries import ChangeEntry, DatacenterEntry, FaultEntry
from poolsim.scenario.mistakes import did_you_mean
from poolsim.scenario.options import Driver, DriverOption
from poolsim.scenario.scenario import Change, Client, Fault, Options
from poolsim.scenario.units import UnitError, format_duration

_OWN_KEYS = {"factor": "slow", "idle_timeout": "middlebox", "drain_timeout": "remove"}
"""Keys of one kind of fault only."""
_NEEDED = {
    "factor": "slow needs a factor: how many times as long service takes, such as x5",
    "idle_timeout": "middlebox needs an idle_timeout: how long a connection may be idle, such as "
    "5m",
}
MEMBERSHIP = ("add", "remove")
"""Faults that have no end: the next of them takes their place."""


def resolve_faults(
    entries: list[FaultEntry], datacenters: dict[str, DatacenterEntry], context: Context
) -> tuple[Fault, ...]:
    """The faults in the order of time, one of each node where an entry is of several."""
    found: list[tuple[FaultEntry, Fault]] = []
    for entry in entries:
        at_ns = context.moment(entry.at)
        for_ns = context.moment(entry.duration) if entry.duration is not None else 0
        context.begins_in_time(entry, at_ns, "the fault")
        _check_keys(entry, context)
        for node, name in _nodes(entry, datacenters, context):
            fault = Fault(
                at_ns,
                for_ns,
                node,
                name,
                entry.kind,
                entry.factor if entry.factor is not None else 1.0,
                idle_timeout_ns=entry.idle_timeout or 0,
                drain_timeout_ns=entry.drain_timeout or 0,
            )
            found.append((entry, fault))
    found.sort(key=lambda item: item[1].at_ns)
    _note_overlaps(found, context)
    _note_members(found, context)
    return tuple(fault for _, fault in found)


def _check_keys(entry: FaultEntry, context: Context) -> None:
    """Note keys that the kind of fault needs and has not, or has not and is given."""
    given = {
        "factor": entry.factor,
        "idle_timeout": entry.idle_timeout,
        "drain_timeout": entry.drain_timeout,
    }
    uses = [(*entry.path, "kind")]
    for key, value in given.items():
        if value is None and entry.kind == _OWN_KEYS[key] and key in _NEEDED:
            context.note(entry, message=_NEEDED[key], uses=[(*entry.path, key)])
        if value is not None and entry.kind != _OWN_KEYS[key]:
            message = f"{entry.kind} has no {key} (only {_OWN_KEYS[key]} has)"
            context.note(entry, key, message=message, of_key=True, uses=uses)
    if entry.duration is not None and entry.kind in MEMBERSHIP:
        other = "remove" if entry.kind == "add" else "add"
        message = f"{entry.kind} has no end: a fault of its own, {other}, undoes it"
        context.note(entry, "for", message=message, of_key=True, uses=uses)


def _nodes(
    entry: FaultEntry, datacenters: dict[str, DatacenterEntry], context: Context
) -> list[tuple[int, str]]:
    """Index over the whole cluster and name of each node that an entry is of."""
    name, _, number = entry.node.partition("/")
    first = 0
    for known, datacenter in datacenters.items():
        if known == name:
            if number == "*":
                return [(first + k, f"{name}/{k + 1}") for k in range(datacenter.nodes)]
            if int(number) <= datacenter.nodes:
                return [(first + int(number) - 1, entry.node)]
            last = f"{name}/{datacenter.nodes}"
            message = f"there is no node {entry.node} (did you mean {last}?)"
            uses = [("cluster", "datacenters", name, "nodes")]
            context.note(entry, "node", message=message, uses=uses)
            return []
        first += datacenter.nodes
    names = context.datacenter_names()
    if name not in names and names:
        near = did_you_mean(name, names) or f" (there is {', '.join(names[:5])})"
        context.note(entry, "node", message=f"there is no datacenter {name}{near}")
    return []


def _note_overlaps(found: list[tuple[FaultEntry, Fault]], context: Context) -> None:
    """A node has one fault at a time, and besides one middlebox at a time before it."""
    last: dict[tuple[int, bool], tuple[FaultEntry, Fault]] = {}
    for entry, fault in found:
        place = fault.node, fault.kind == "middlebox"
        if place in last and fault.kind != "add":
            before_entry, before = last[place]
            if before.for_ns == 0 or fault.at_ns < before.at_ns + before.for_ns:
                until = (
                    format_duration(before.at_ns + before.for_ns) if before.for_ns else "the end"
                )
                message = (
                    f"{fault.node_name} has a fault already: faults[{before_entry.path[-1]}] "
                    f"({before.kind}) lasts until {until}"
                )
                paths = [(*before_entry.path, key) for key in ("at", "for", "node")]
                times = (before_entry.at, before_entry.duration, entry.at)
                uses = [*paths, (*entry.path, "node"), *context.rests_on_duration(*times)]
                context.note(entry, "at", message=message, uses=uses)
        last[place] = entry, fault
        if fault.kind in MEMBERSHIP:
            del last[place]  # what may follow is told by `_note_members`


def _note_members(found: list[tuple[FaultEntry, Fault]], context: Context) -> None:
    """Note nodes that join or leave twice, and what happens to nodes that are not there."""
    told: dict[int, tuple[FaultEntry, Fault]] = {}
    first = {fault.node: fault.kind for _, fault in reversed(found) if fault.kind in MEMBERSHIP}
    for entry, fault in found:
        before = told.get(fault.node)
        is_member = first.get(fault.node) != "add" if before is None else before[1].kind == "add"
        uses = [(*entry.path, "node"), *context.rests_on_duration(entry.at)]
        if before is not None:
            uses += [(*before[0].path, key) for key in ("at", "node", "kind")]
            uses += context.rests_on_duration(before[0].at)
        leaves = before[1] if before is not None and before[1].kind == "remove" else None
        if fault.kind == "add" and leaves is not None:
            if fault.at_ns <= leaves.at_ns + leaves.drain_timeout_ns:
                message = f"{fault.node_name} still drains then: it cannot join yet"
                context.note(entry, "at", message=message, uses=uses)
        elif fault.kind == "add" and is_member:
            message = f"{fault.node_name} is in the ring already"
            context.note(entry, "at", message=message, uses=uses)
        elif fault.kind != "add" and fault.kind != "middlebox" and not is_member:
            message = f"{fault.node_name} is not in the ring then"
            context.note(entry, "at", message=message, uses=uses)
        if fault.kind in MEMBERSHIP:
            told[fault.node] = entry, fault


def resolve_changes(
    entries: list[ChangeEntry], clients: list[Client], context: Context
) -> tuple[Change, ...]:
    """The changes in the order of time, one option each."""
    by_name = {client.name: client for client in clients}
    options = {client.name: client.options for client in clients}
    changes: list[Change] = []
    instants: dict[tuple[int, str], list[tuple[ChangeEntry, dict[str, int]]]] = {}
    for entry in sorted(entries, key=lambda entry: context.moment(entry.at)):
        at_ns = context.moment(entry.at)
        context.begins_in_time(entry, at_ns, "the change")
        client = by_name.get(entry.client)
        if client is None:
            _note_unknown_client(entry, context)
            continue
        values = _values(entry, client, context)
        changes.extend(Change(at_ns, client.name, path, value) for path, value in values.items())
        instants.setdefault((at_ns, client.name), []).append((entry, values))
    for (_, name), together in instants.items():
        options[name] = _checked(by_name[name], options[name], together, context)
    return tuple(changes)


def _note_unknown_client(entry: ChangeEntry, context: Context) -> None:
    names = context.client_names()
    if entry.client not in names and context.names_are_known():
        near = did_you_mean(entry.client, names) or f" (there is {', '.join(names[:5])})"
        context.note(entry, "client", message=f"there is no client {entry.client}{near}")


def _values(entry: ChangeEntry, client: Client, context: Context) -> dict[str, int]:
    """The options that a change sets, in model units."""
    driver = DRIVERS[client.driver]
    raw = context.raw((*entry.path, "set"))
    if not isinstance(raw, Block) or not raw:
        context.note(entry, "set", message="nothing is set: write {pooling.local.max: 8}")
        return {}
    values = {}
    for path, written in raw.items():
        option = driver.option(path)
        message = _why_not(path, option, driver, client.protocol)
        if message or option is None:
            context.note(entry, "set", path, message=message, of_key=True)
            continue
        if written is None:
            continue
        try:
            values[path] = option.written.read(written)
        except UnitError as error:
            context.note(entry, "set", path, message=str(error), breaks=True)
    return values


def _why_not(path: str, option: DriverOption | None, driver: Driver, protocol: int) -> str:
    """Why an option cannot be set at runtime; "" where it can."""
    if option is None:
        paths = [known.path for known in driver.options if known.at_runtime]
        hint = did_you_mean(path, paths) or f": `poolsim drivers {driver.name}` lists them"
        return f"unknown option of {driver.name}{hint}"
    if not option.at_runtime:
        return f"{path} cannot change at runtime: `poolsim drivers {driver.name}` marks what can"
    return driver.unavailable(protocol, path)


def _checked(
    client: Client,
    before: Options,
    together: list[tuple[ChangeEntry, dict[str, int]]],
    context: Context,
) -> Options:
    """The options after the changes of one instant, unless the driver refuses them."""
    driver = DRIVERS[client.driver]
    after = before
    places: dict[str, ChangeEntry] = {}
    for entry, values in together:
        for path, value in values.items():
            option = driver.option(path)
            assert option is not None, "values are of options that exist"
            after = option.set_to(after, value)
            places[path] = entry
    by_field = {option.field: option.path for option in driver.options}
    known = driver.refusals(before, client.protocol)
    for refusal in driver.refusals(after, client.protocol):
        paths = [by_field[field] for field in (refusal.field, *refusal.fields)]
        place = next((path for path in paths if path in places), None)
        if refusal not in known and place is not None:
            context.note(places[place], "set", place, message=refusal.message)
    return after
