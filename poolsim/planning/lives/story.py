"""A life in words, one line a moment."""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.model.kinds import ERROR_NAMES, OUTCOME_NAMES
from poolsim.planning.lives.watch import Life, Moment
from poolsim.planning.words import number_text
from poolsim.scenario.scenario import Scenario

_NS = 1e-9
_OUTCOMES = {
    "ok": "the answer is delivered",
    "no_host_available": "NoHostAvailable: no host is left to try",
    "client_timeout": "the driver's timeout ends it",
    "connection_error": "its connection broke, and it may not be sent again",
    "busy": "BusyConnection: the driver tells the application at once",
    "server_error": "the node answered with an error, and it is not sent again",
}


def story_of(life: Life, scenario: Scenario, replication: int) -> list[str]:
    """Lines of text: who, each moment with the time since the intended start, and the sum."""
    row = life.row
    client = scenario.clients[life.client]
    first = sum(one.instances for one in scenario.clients[: life.client])
    who = f"{client.name}[{row['session'] - first}] request {row['number']}"
    lines = [
        f"{who} of replication {replication}, due at {row['intended_ns'] * _NS:.6f} s: "
        f"{OUTCOME_NAMES[row['outcome']]} after {_duration(row['ended_ns'] - row['intended_ns'])}"
    ]
    if life.replicas:
        names = ", ".join(scenario.node_names[node] for node in life.replicas)
        lines.append(f"  its key lives on {names}")
    moments = [(one.time_ns, text) for one in life.moments for text in _told(one, life, scenario)]
    width = max((len(_since(at, row)) for at, _ in moments), default=8)
    lines += [f"  {_since(at, row):>{width}}  {text}" for at, text in moments]
    ended = _OUTCOMES[OUTCOME_NAMES[row["outcome"]]]
    lines.append(f"  {_since(row['ended_ns'], row):>{width}}  {ended}")
    lines.append(_sum(life))
    return lines


def _since(at_ns: int, row: dict[str, int]) -> str:
    return f"+{_duration(at_ns - row['intended_ns'])}"


def _duration(nanoseconds: int) -> str:
    return number_text(nanoseconds * _NS, "s", 4) if nanoseconds else "0s"


def _told(moment: Moment, life: Life, scenario: Scenario) -> Iterator[str]:
    node = scenario.node_names[moment.node] if moment.node >= 0 else ""
    client = scenario.clients[life.client]
    match moment.kind:
        case "entered":
            waited = moment.time_ns - life.row["intended_ns"]
            because = "the issuing thread"
            if client.max_concurrent:
                because = f"the application's limit of {client.max_concurrent:,} or {because}"
            after = f", having waited for {because}" if waited > client.issue_ns else ""
            yield f"enters the driver{after}"
        case "refused":
            yield f"{node} does not take it: {ERROR_NAMES[moment.error]}"
        case "queued":
            full = f"{moment.in_flight:,} in flight on {moment.connections:,} connection"
            full += "s" if moment.connections != 1 else ""
            yield f"waits in the acquisition queue of {node}, {moment.ahead:,} before it ({full})"
        case "written":
            yield f"is written to {node}: connection {moment.connection}, stream {moment.stream}"
            if moment.starts_ns >= 0:
                yield from _at_node(moment, life, node)
        case "buffered":
            yield f"is given connection {moment.connection} of the pool of {node}"
            yield f"is given stream {moment.stream} of it"
            yield "is encoded into its write buffer"
        case "arriving":
            yield f"the answer of {node} comes through the network interface"
        case "reading":
            yield f"the answer of {node} is read and decoded"
        case "unread":
            yield f"the answer of {node} lies in the socket until the connection is read again"
        case "read":
            yield "the answer is decoded, the stream is free, and it waits for a callback thread"
        case "timed_out":
            yield f"times out on {node}; its stream stays taken until the answer comes"


def _at_node(moment: Moment, life: Life, node: str) -> Iterator[str]:
    start, end = (_since(at, life.row) for at in (moment.starts_ns, moment.finishes_ns))
    if moment.finishes_ns <= life.row["ended_ns"]:
        yield f"  (a worker of {node} takes it at {start} and is done at {end})"
    else:
        yield f"  (a worker of {node} would take it at {start} and be done at {end})"


def _sum(life: Life) -> str:
    row = life.row
    total = row["ended_ns"] - row["intended_ns"]
    before = row["issued_ns"] - row["intended_ns"]
    rest = total - before - row["wait_ns"] - row["service_ns"]
    once = row["attempts"] <= 1
    before_or_in_vain = "until it was written" if once else "on attempts that came to nothing"
    parts = [
        (before, "before the driver"),
        (row["wait_ns"], "waiting for a stream"),
        (row["service_ns"], "from the last write to the end"),
        (rest, before_or_in_vain),
    ]
    shown = [f"{_duration(part)} {what}" for part, what in parts if part > 0]
    return f"  {_duration(total)} in all: {', '.join(shown) or 'no time at all'}"
