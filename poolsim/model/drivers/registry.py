"""The drivers that the model knows, and what the rest of the model asks of them.

A driver is an integer in the records. `ports.py` asks the driver's own rule through a chain of
comparisons written from `PORTS`, so both engines switch alike, and a compiled engine can compile
the drivers in use only.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from poolsim.model.drivers import generic, java3, nodejs, python
from poolsim.model.wrappers import cassandraorm

DRIVERS: dict[str, ModuleType] = {
    "java3": java3,
    "python": python,
    "nodejs": nodejs,
    "generic": generic,
    "cassandraorm": cassandraorm,
}
"""Rules of each driver; its number is its place."""

PORTS: dict[str, tuple[str, str]] = {
    # name: (index that comes before the port's own arguments to find the driver, arguments)
    "borrow": ("w.pools[p].driver", "w, p, a, now"),
    "give_back": ("w.pools[w.attempts[a].pool].driver", "w, a, unwritten, now"),
    "timed_out": ("w.pools[w.attempts[a].pool].driver", "w, a, now"),
    "late_response": ("w.pools[w.attempts[a].pool].driver", "w, a, now"),
    "queue_timeout": ("w.pools[p].driver", "w, p, now"),
    "run_task": ("w.pools[p].driver", "w, kind, p, generation, now"),
    "cleanup_session": ("w.clients[w.sessions[s].client].driver", "w, s, now"),
    "connected": ("w.pools[w.connections[c].pool].driver", "w, c, now"),
    "connect_failed": ("w.pools[w.connections[c].pool].driver", "w, c, now"),
    "lost": ("w.pools[w.connections[c].pool].driver", "w, c, now"),
    "heartbeat": ("w.pools[w.connections[c].pool].driver", "w, c, now"),
    "heartbeat_answered": ("w.pools[w.connections[c].pool].driver", "w, c, now"),
    "heartbeat_cycle": ("w.clients[w.sessions[s].client].driver", "w, s, now"),
    "start_session": ("w.clients[w.sessions[s].client].driver", "w, s, now"),
    "reconnection_due": ("w.pools[p].driver", "w, p, now"),
    "status_event": ("w.pools[p].driver", "w, p, now"),
    "status_due": ("w.pools[p].driver", "w, p, now"),
    "topology_event": ("w.pools[p].driver", "w, p, now"),
    "topology_due": ("w.pools[p].driver", "w, p, now"),
    "control": ("w.clients[w.sessions[s].client].driver", "w, s, now"),
    "option_changed": ("w.pools[p].driver", "w, p, raised_core, now"),
    "needed": ("w.pools[p].driver", "w, p, load"),
    "response_step": ("w.pools[w.attempts[a].pool].driver", "w, a, now"),
    "flush_due": ("w.pools[w.connections[c].pool].driver", "w, c, now"),
    "session_due": ("w.clients[w.sessions[s].client].driver", "w, s, now"),
    "pool_due": ("w.pools[p].driver", "w, p, now"),
    "connection_due": ("w.pools[w.connections[c].pool].driver", "w, c, now"),
    "request_ended": ("w.clients[w.requests[r].client].driver", "w, r, outcome, now"),
}
"""What every driver answers. A driver without a rule of a port is not asked (`pass`)."""

QUESTIONS: dict[str, tuple[str, str]] = {
    "holds_back": ("w.clients[w.requests[r].client].driver", "w, r, a, now"),
    "puts_off": ("w.clients[w.requests[r].client].driver", "w, a, r, p, error, now"),
    "begins_anew": ("w.clients[w.requests[r].client].driver", "w, r, a, now"),
    "writes_along": ("w.pools[w.attempts[a].pool].driver", "w, a, now"),
    "ends_look": ("w.clients[w.requests[r].client].driver", "w, r, outcome, now"),
}
"""What a driver answers with 1 or 0; one without a rule of such a port says 0."""

PORTS |= QUESTIONS


def port_source(name: str, drivers: dict[str, ModuleType]) -> tuple[str, dict[str, Any]]:
    """Source of a port's switch over `drivers`, and the scope that it needs."""
    index, arguments = PORTS[name]
    functions = [
        (number, driver, getattr(module, name))
        for number, (driver, module) in enumerate(DRIVERS.items())
        if driver in drivers and hasattr(module, name)
    ]
    scope: dict[str, Any] = {f"{driver}_{name}": function for _, driver, function in functions}
    lines = [f"def {name}({arguments}):", f"    driver = {index}"]
    for place, (number, driver, _) in enumerate(functions, 1):
        # Where every driver answers, the last needs no test, and the result is always of its type.
        if place < len(functions) or len(functions) < len(drivers):
            lines.append(f"    if driver == {number}:")
            lines.append(f"        return {driver}_{name}({arguments})")
        else:
            lines.append(f"    return {driver}_{name}({arguments})")
    if name in QUESTIONS and len(functions) < len(drivers):
        lines.append("    return 0")
    return "\n".join(lines) + "\n", scope


def make_port(name: str) -> Any:
    """The switch of a port over all drivers, as a function."""
    source, scope = port_source(name, DRIVERS)
    exec(compile(source, f"<port {name}>", "exec"), scope)
    return scope[name]
