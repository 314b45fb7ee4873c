"""The pool's lifecycle events, its log, and its connections at the end.

Events are those of the document, with the line that its handlers print; that of `connectionLost`
speaks of a recovery where `connectionRecovery` is enabled. A node's return to the
first connection is `hostUp`; a connection that breaks is `connectionLost` and `connectionRemoved`.
The log has the lines of what `logging` asks for, from its level on: connections at info, those that
are lost at warn, requests at debug, errors at error; hosts and failovers at info or warn in any
case (chosen).
"""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.estimation.orm.view import NS, Note, View
from poolsim.model import kinds

MOST_LINES = 10_000
_MS = 1e-6


@dataclass(frozen=True, slots=True)
class Event:
    """`host` it concerns; `to` is the host that a failover went to, else ""."""

    at_s: float
    name: str
    host: str
    text: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log."""

    at_s: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class ConnectionDetails:
    """`getConnectionDetails()`: one connection at the end of the run."""

    id: int
    host: str
    state: str
    in_flight: int
    created_at_s: float
    last_used_at_s: float


_EVENTS = {
    kinds.OPENED: (("connectionAdded", "Connection added to {host}"),),
    kinds.CLOSED: (("connectionRemoved", "Connection removed from {host}"),),
    kinds.CONNECTION_BROKE: (
        ("connectionLost", "Connection lost to {host}{recovery}"),
        ("connectionRemoved", "Connection removed from {host}"),
    ),
    kinds.HOST_DOWN: (("hostDown", "Host {host} is down"),),
    kinds.HOST_UP: (("hostUp", "Host {host} is back up"),),
    kinds.FAILED_OVER: (("failover", "Failover: {host} -> {to}"),),
}
_LEVEL_OF_EVENT = {
    "connectionAdded": "info",
    "connectionRemoved": "info",
    "connectionLost": "warn",
    "hostDown": "warn",
    "hostUp": "info",
    "failover": "warn",
}


def events(view: View) -> tuple[Event, ...]:
    """All events in the order of their happening."""
    return tuple(event for note in view.notes for event in _events_of(view, note))


def _events_of(view: View, note: Note) -> list[Event]:
    time, kind, node, _, value = note
    host = view.host(node)
    to = view.host(value) if kind == kinds.FAILED_OVER else ""
    recovers = view.client.options.orm.recovery.enabled
    recovery = ", attempting recovery..." if recovers else ""
    return [
        Event(time * NS, name, host, text.format(host=host, to=to, recovery=recovery), to)
        for name, text in _EVENTS.get(kind, ())
    ]


def log(view: View) -> tuple[tuple[LogLine, ...], int]:
    """The first lines of the log, and how many there are."""
    lines: list[LogLine] = []
    count = 0
    logging = view.client.options.orm.logging
    for note in view.notes:
        for line, is_connection in _lines_of(view, note):
            if logging.tells(line.level) and (logging.connections or not is_connection):
                count += 1
                if len(lines) < MOST_LINES:
                    lines.append(line)
    return tuple(lines), count


def _lines_of(view: View, note: Note) -> list[tuple[LogLine, bool]]:
    """Lines of a note, and whether they tell of connections."""
    time, kind, node, _, value = note
    at_s = time * NS
    if kind == kinds.REQUEST_LOGGED:
        text = f"Request to {view.host(node) or 'no host'} took {value * _MS:.3f} ms"
        return [(LogLine(at_s, "debug", text), False)]
    if kind == kinds.ERROR_LOGGED:
        outcome = kinds.OUTCOME_NAMES[value].replace("_", " ")
        text = f"Request to {view.host(node) or 'no host'} failed: {outcome}"
        return [(LogLine(at_s, "error", text), False)]
    return [
        (
            LogLine(event.at_s, _LEVEL_OF_EVENT[event.name], event.text),
            event.name.startswith("connection"),
        )
        for event in _events_of(view, note)
    ]


def connections(view: View) -> tuple[ConnectionDetails, ...]:
    """Connections that are in a pool at the end of the run; they are open, and busy or idle."""
    found: dict[int, dict[int, tuple[int, int]]] = {}
    for _, kind, node, connection, value in view.notes:
        if kind in (kinds.DETAIL_CREATED, kinds.DETAIL_LAST_USED, kinds.DETAIL_IN_FLIGHT):
            found.setdefault(connection, {})[kind] = (node, value)
    return tuple(
        ConnectionDetails(
            id=connection,
            host=view.host(values[kinds.DETAIL_CREATED][0]),
            state="active" if values[kinds.DETAIL_IN_FLIGHT][1] else "idle",
            in_flight=values[kinds.DETAIL_IN_FLIGHT][1],
            created_at_s=values[kinds.DETAIL_CREATED][1] * NS,
            last_used_at_s=values[kinds.DETAIL_LAST_USED][1] * NS,
        )
        for connection, values in sorted(found.items())
    )
