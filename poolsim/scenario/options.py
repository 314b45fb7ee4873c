"""What the drivers' options have in common: how a key of the file becomes a field of `Options`.

A driver's file (`java3_options.py`, `python_options.py`) declares its options once, as entries
whose fields carry an `Own`: the driver's own name for the option, where its source says so, and
the field of `Options` that it fills. The JSON Schema, the defaults table of `poolsim drivers`, the
options that `changes` may set and the resolved file all come from there.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Field

from poolsim.scenario import fields
from poolsim.scenario.entries import Entry
from poolsim.scenario.fields import Written, whole
from poolsim.scenario.mistakes import Findings, TreePath
from poolsim.scenario.scenario import Options


@dataclass(frozen=True, slots=True)
class Own:
    """An option as the driver has it."""

    name: str
    """`{distance}` stands for LOCAL and REMOTE."""
    field: str
    """Of `Options`, dotted; below a distance named `local` or `remote`, of `Pooling`."""
    source: str
    """`repo@tag:path:line`."""
    at_runtime: bool = False
    """Whether `changes` may set it."""


@dataclass(frozen=True, slots=True)
class DriverOption:
    """One option of one driver, for tables and checks."""

    path: str
    """In the file, below `options`: `pooling.local.core`."""
    own_name: str
    field: str
    source: str
    at_runtime: bool
    meaning: str
    written: Written

    def value(self, options: Options) -> Any:
        """The option's value in resolved options, in model units."""
        value: Any = options
        for name in self.field.split("."):
            value = getattr(value, name)
        return value

    def set_to(self, options: Options, value: Any) -> Options:
        """The options with this one replaced."""
        *blocks, last = self.field.split(".")
        wholes: list[Any] = [options]
        for name in blocks:
            wholes.append(getattr(wholes[-1], name))
        part = dataclasses.replace(wholes.pop(), **{last: value})
        for name, around in zip(reversed(blocks), reversed(wholes), strict=True):
            part = dataclasses.replace(around, **{name: part})
        changed: Options = part
        return changed


@dataclass(frozen=True, slots=True)
class Refusal:
    """Values that the driver refuses."""

    field: str
    """Of `Options`: where the mistake is."""
    message: str
    fields: tuple[str, ...] = ()
    """Further fields that it rests on."""


@dataclass(frozen=True, slots=True)
class Driver:
    """Everything that the scenario needs to know about a driver."""

    name: str
    title: str
    pools: str
    """Its pools in a sentence."""
    entry: type[Entry]
    defaults: Callable[[int], Options]
    """Options for a protocol version."""
    refusals: Callable[[Options, int], list[Refusal]]
    """What the driver would raise for options and a protocol version."""
    io_threads: int
    io_threads_fixed: bool
    unavailable: Callable[[int, str], str] = lambda _protocol, _path: ""
    """Why an option (its path) cannot be set with a protocol version; "" where it can."""
    complete: Callable[[Options], Options] = lambda options: options
    """Fills what follows from other options."""
    rules: str = ""
    """The driver whose rules a wrapper runs with; "" for a driver, which has its own."""
    intervals_of_silence: int = 1
    """After so many heartbeat intervals without a read a connection is asked at the latest."""
    idempotent: float = 0.0
    """Share of requests that are idempotent where the scenario says nothing."""

    @property
    def options(self) -> tuple[DriverOption, ...]:
        """All options, in the order of their declaration."""
        return _options_of(self.entry)

    def option(self, path: str) -> DriverOption | None:
        """The option of that path."""
        return next((option for option in self.options if option.path == path), None)

    def paths(self, protocol: int) -> tuple[str, ...]:
        """Paths of the options that can be set with a protocol version."""
        return tuple(
            option.path for option in self.options if not self.unavailable(protocol, option.path)
        )


@functools.cache
def _options_of(entry: type[Entry]) -> tuple[DriverOption, ...]:
    return tuple(_declared(entry, "", "", ""))


def _declared(entry: type[Entry], path: str, prefix: str, distance: str) -> Iterator[DriverOption]:
    """The options that an entry declares, blocks within blocks."""
    for name, info in entry.model_fields.items():
        key = info.alias or name
        below = f"{path}.{key}" if path else key
        inner = entry_within(info.annotation)
        if inner is not None:
            is_distance = key in ("local", "remote")
            yield from _declared(
                inner, below, f"{key}." if is_distance else prefix, key if is_distance else distance
            )
            continue
        own = next(data for data in info.metadata if isinstance(data, Own))
        written = next(data for data in info.metadata if isinstance(data, Written))
        yield DriverOption(
            path=below,
            own_name=own.name.replace("{distance}", distance.upper()),
            field=prefix + own.field,
            source=own.source,
            at_runtime=own.at_runtime,
            meaning=info.description or "",
            written=written,
        )


def entry_within(annotation: Any) -> type[Entry] | None:
    """The entry class of `X`, `X | None`, `list[X]`, `dict[str, X]` and annotated forms."""
    if get_origin(annotation) is Annotated:
        return entry_within(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType, list, dict):
        return next(filter(None, map(entry_within, get_args(annotation))), None)
    if isinstance(annotation, type) and issubclass(annotation, Entry):
        return annotation
    return None


def given_values(entry: Entry) -> dict[str, Any]:
    """What a file sets: value by path, for every option written in it."""
    values: dict[str, Any] = {}

    def collect(block: Entry, path: str) -> None:
        for name, info in type(block).model_fields.items():
            if name not in block.model_fields_set:
                continue
            key = info.alias or name
            below = f"{path}.{key}" if path else key
            value = getattr(block, name)
            if isinstance(value, Entry):
                collect(value, below)
            else:
                values[below] = value

    collect(entry, "")
    return values


def resolve_options(
    driver: Driver, entry: Entry | None, protocol: int, path: TreePath, findings: Findings
) -> Options:
    """The driver's defaults with what the file sets, and what the driver would refuse of it."""
    options = driver.defaults(protocol)
    given = given_values(entry) if entry is not None else {}
    protocol_path = (*path[:-1], "protocol")
    by_path = {option.path: option for option in driver.options}
    for name, value in given.items():
        reason = driver.unavailable(protocol, name)
        if reason:
            place = (*path, *name.split("."))
            findings.add(place, reason, of_key=True, uses=[protocol_path])
        else:
            options = by_path[name].set_to(options, value)
    options = driver.complete(options)
    kinds = [kind for kind in ("exponential", "constant") if _has(given, f"reconnection.{kind}")]
    if len(kinds) > 1:
        place = (*path, "reconnection", kinds[1])
        findings.add(place, "exponential and constant at once: keep one", of_key=True)
    if kinds == ["constant"]:
        delay = options.reconnection.base_ns
        constant = dataclasses.replace(options.reconnection, kind="constant", max_ns=delay)
        options = dataclasses.replace(options, reconnection=constant)
    by_field = {option.field: option.path for option in reversed(driver.options)}
    if kinds == ["constant"]:
        by_field["reconnection.base_ns"] = "reconnection.constant.delay"
    for refusal in driver.refusals(options, protocol):
        names = [by_field[name] for name in (refusal.field, *refusal.fields)]
        # Where the value itself is the driver's default, the other one was set wrongly.
        at = next((name for name in names if name in given), names[0])
        uses = [(*path, *name.split(".")) for name in names]
        findings.add((*path, *at.split(".")), refusal.message, uses=[protocol_path, *uses])
    return options


def _has(given: dict[str, Any], block: str) -> bool:
    return any(name.startswith(f"{block}.") for name in given)


# Blocks that the drivers share --------------------------------------------------------------------

BALANCING_POLICIES = ("dc_aware_round_robin", "round_robin", "random", "least_in_flight")
RETRY_POLICIES = ("default", "fallthrough")
JITTERS = ("own", "none", "15%", "full")
JITTER = fields.choice(*JITTERS)
JITTER_MEANING = (
    "own: as the driver has it; none; 15%: 85 to 115 % of each delay; full: anything up to the "
    "delay."
)
NAGLE = (
    "Off, a request that is written while another one's acknowledgement is missing waits for it: "
    "until the next response of the connection, 40 ms at most (Nagle's algorithm)."
)
POLICY = fields.choice(*BALANCING_POLICIES)
RETRY = fields.choice(*RETRY_POLICIES)
ROUND_TRIPS = whole(0, 20)
THREADS = whole(1, 1_000)


def described(text: str) -> Any:
    """An option that the driver's default stands for."""
    return Field(default=None, description=text)
