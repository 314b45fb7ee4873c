"""The program that is compiled: the rules for some drivers, and the loop that calls them.

The rules are the functions of `poolsim.model` themselves, not one of them changed or copied; of the
ports it is the switch that the registry writes for the drivers in use.
"""

# numba publishes types, but not complete ones.
# mypy: disable-error-code="no-untyped-call, untyped-decorator, arg-type, no-any-return"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import overload, register_jitable

from poolsim.engine.compiled import primitives
from poolsim.engine.compiled.agenda import close_gap, refill
from poolsim.engine.compiled.foresight import MANY_POOLS, foresee
from poolsim.engine.compiled.layout import FAILED, FINDING_WIDTH, FINISHED, KIND_SHIFT, PAUSED
from poolsim.engine.compiled.uniforms import fill
from poolsim.engine.compiled.world_type import WorldType, world_at
from poolsim.engine.sampling import count_unfinished, take_sample
from poolsim.invariants import checks
from poolsim.machine_code.linking import PART, object_code
from poolsim.model.build import start
from poolsim.model.client.request import settle
from poolsim.model.dispatch import handlers
from poolsim.model.drivers import ports
from poolsim.model.drivers.registry import DRIVERS, PORTS, port_source
from poolsim.model.kinds import ARRIVAL
from poolsim.model.rule import RULES

PRIMITIVES = primitives
"""Imported for what it defines on numba's world."""

COMPILED: set[str] = set()
"""Names of the rules that were compiled in this process."""


def _compile_as(name: str, function: Callable[..., Any]) -> None:
    """What compiled code calls by `function` is that function, compiled."""

    def implementation(*_: Any) -> Callable[..., Any]:
        COMPILED.add(name)
        return function

    overload(function, jit_options=PART, strict=False)(implementation)


def _compile_port(name: str) -> None:
    """What compiled code calls by the port is its switch over the drivers of the world's type."""
    made: dict[tuple[str, ...], Callable[..., Any]] = {}

    def implementation(w: WorldType, *_: Any) -> Callable[..., Any]:
        if w.drivers not in made:
            drivers = {driver: DRIVERS[driver] for driver in w.drivers}
            source, scope = port_source(name, drivers)
            exec(compile(source, f"<port {name}>", "exec"), scope)
            made[w.drivers] = scope[name]
        return made[w.drivers]

    overload(getattr(ports, name), jit_options=PART, strict=False)(implementation)


for _name, _rule in RULES.items():
    _compile_as(_name, _rule)
for _name in PORTS:
    _compile_port(_name)
for _function in (start, take_sample, count_unfinished, checks.free_requests, *checks.FUNCTIONS):
    _compile_as(_function.__name__, _function)


def _switch(name: str, arguments: str, functions: list[Callable[..., Any]], number: str) -> Any:
    """A function that calls one of several by its number: a chain of comparisons."""
    scope: dict[str, Any] = {}
    lines = [f"def {name}({number}, {arguments}):"]
    for place, function in enumerate(functions):
        scope[f"{name}_{place}"] = function
        if place < len(functions) - 1:
            lines.append(f"    if {number} == {place}:")
            lines.append(f"        return {name}_{place}({arguments})")
        else:
            lines.append(f"    return {name}_{place}({arguments})")
    exec("\n".join(lines), scope)
    return register_jitable(**PART)(scope[name])


_handle = _switch("handle", "w, target, now", list(handlers()), "kind")
_find = _switch("find", "w, now", list(checks.FUNCTIONS), "invariant")


def entries(drivers: tuple[str, ...]) -> dict[str, tuple[Callable[..., Any], Any]]:
    """What Python calls, by its symbol: the function and the types of its arguments.

    The first argument is always the address of the block.
    """
    world = world_at(WorldType(drivers))

    def begin(address: Any) -> Any:
        w = world(address)
        start(w)
        return 0

    def advance(address: Any, until: Any, most_events: Any, enough_values: Any) -> Any:
        """Handle every event before `until`, as SimPy's `run(until)` does, or stop before that
        after so many events or when so many values of ended requests have gathered."""
        w = world(address)
        engine = w.engine
        run = w.run
        left = most_events
        many_pools = len(w.pools) >= MANY_POOLS
        while True:
            if engine.last == 0:
                if engine.later == 0:
                    return FINISHED
                refill(w)
                continue
            first = w.front[1]
            now = first.time
            if now >= until:
                return FINISHED
            if left == 0 or len(w.end_values) >= enough_values:
                return PAUSED
            left -= 1
            kind = first.rank >> KIND_SHIFT
            target = first.target
            engine.taken = 1
            if many_pools and kind == ARRIVAL:
                foresee(w, target)
            _handle(kind, w, target, now)
            if run.ready_first >= 0:
                settle(w, now)
            if engine.taken == 1:
                close_gap(w)
            if engine.failure == 1:
                return FAILED

    def look(address: Any) -> Any:
        take_sample(world(address))
        return 0

    def count(address: Any) -> Any:
        count_unfinished(world(address))
        return 0

    def check(address: Any, invariant: Any, now: Any) -> Any:
        w = world(address)
        finding = _find(invariant, w, now)
        for i in range(FINDING_WIDTH):
            w.findings[i] = finding[i]
        return 0

    integer = types.int64
    return {
        "poolsim_begin": (begin, (integer,)),
        "poolsim_advance": (advance, (integer,) * 4),
        "poolsim_sample": (look, (integer,)),
        "poolsim_unfinished": (count, (integer,)),
        "poolsim_check": (check, (integer,) * 3),
        "poolsim_uniforms": (fill, (integer,) * 4),
    }


def compile_program(drivers: tuple[str, ...]) -> bytes:
    """Machine code, an object file, of the rules for some drivers (names in the registry's order).
    It takes as long as it takes: see `cache.py`."""
    return object_code(entries(drivers))
