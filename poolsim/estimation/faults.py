"""What a fault costs: how long until it is noticed, until nothing more is lost to it, and until
everything is as before.

* `detect`: from the start of a fault (a node stops, pauses or falls silent) to the host marked
  down, by the slowest session of those that mark it before the next fault of that node. Of a node
  that joins, to the host marked up; of one that leaves, to the host removed, or marked down.
* `fail_over`: from the start to the end of the last request that failed with an error of that
  node, or because there was no host to try, of those intended before the fault's end; 0 where
  none failed.
* `recover`: from the end of a fault until, for the 10 s from then on, the share of requests that
  succeed is within 1 % (of all requests) of what it was in the 10 s before the fault, and no pool
  is smaller than its load needs. Resolved to the timeline's interval. Nodes that join or leave
  and middleboxes without an end do not count.
* `unnoticed`: from the instant at which a middlebox dropped a connection to the one at which its
  client closed it or found it broken, or to the end of the run; the longest; 0 where none was
  dropped.

With several faults, each value is that of the worst; over all clients it is that of the slowest
client. NaN stands for "did not happen": no session marked the host down, it was not as before
until the end of the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poolsim.model import kinds
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.recording.histogram import Integers
from poolsim.recording.record import Record, owners

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Fault, Scenario

HOLD_NS = 10_000_000_000
"""How long all must be well before it counts as recovered, and how long "before" is."""

TOLERANCE = 0.01
_NS = 1e-9
_UNDERSIZED = SAMPLE_COLUMNS.index("undersized")
_DETECTED_BY = {
    "stop": (kinds.HOST_DOWN,),
    "pause": (kinds.HOST_DOWN,),
    "silent": (kinds.HOST_DOWN,),
    "add": (kinds.HOST_UP,),
    "remove": (kinds.HOST_REMOVED, kinds.HOST_DOWN),
}
"""What a session notes that has noticed; other kinds of fault need not be noticed."""
_ENDS_OF_CONNECTIONS = (kinds.CONNECTION_BROKE, kinds.CLOSED, kinds.CONTROL_LOST)


def fault_metrics(record: Record, scenario: Scenario) -> dict[str, float]:
    """`detect`, `fail_over` and `recover` by full name. Empty without faults."""
    if not scenario.faults:
        return {}
    by_fault = {
        "detect": [_detect(record, scenario, fault) for fault in scenario.faults],
        "fail_over": [_fail_over(record, place, f) for place, f in enumerate(scenario.faults)],
        "recover": [_recover(record, fault) for fault in scenario.faults],
    }
    values: dict[str, float] = {}
    for metric, found in by_fault.items():
        clients = [_worst([of[client] for of in found]) for client in range(record.clients)]
        values[metric] = _slowest(clients) if metric == "detect" else _worst(clients)
        for client, value in zip(scenario.clients, clients, strict=True):
            values[f"{client.name}/{metric}"] = value
    unnoticed = _unnoticed(record, scenario)
    values["unnoticed"] = max(unnoticed)
    for client, value in zip(scenario.clients, unnoticed, strict=True):
        values[f"{client.name}/unnoticed"] = value
    return values


def _worst(values: list[float]) -> float:
    """The largest; NaN ("did not happen") is worse than any; `inf` marks "does not apply"."""
    applying = [value for value in values if value != math.inf]
    if not applying or any(math.isnan(value) for value in applying):
        return math.nan
    return max(applying)


def _slowest(values: list[float]) -> float:
    """The largest of those that happened: a client without pools of the node marks nothing."""
    happened = [value for value in values if not math.isnan(value)]
    return max(happened) if happened else math.nan


def _detect(record: Record, scenario: Scenario, fault: Fault) -> list[float]:
    if fault.kind not in _DETECTED_BY:
        return [math.inf] * record.clients
    following = [f.at_ns for f in scenario.faults if f.node == fault.node and f.at_ns > fault.at_ns]
    until_ns = min(following, default=record.end_ns + 1)
    time_ns, kind, session, node, _, _ = record.notes.T
    marked = np.isin(kind, _DETECTED_BY[fault.kind]) & (node == fault.node) & (session >= 0)
    marked &= (time_ns >= fault.at_ns) & (time_ns < until_ns)
    owner = owners(tuple(client.instances for client in scenario.clients))
    found = []
    for client in range(record.clients):
        own = marked & (owner[np.maximum(session, 0)] == client)
        sessions, firsts = np.unique(session[own], return_index=True)
        first_times = time_ns[own][firsts]
        found.append(float(first_times.max() - fault.at_ns) * _NS if len(sessions) else math.nan)
    return found


def _fail_over(record: Record, place: int, fault: Fault) -> list[float]:
    until_ns = record.lost_until_ns[place]
    return (np.where(until_ns < 0, 0, until_ns - fault.at_ns) * _NS).tolist()  # type: ignore[no-any-return]


def is_recovered_from(fault: Fault) -> bool:
    """Whether there is a state before a fault to come back to."""
    lasts = fault.kind == "middlebox" and not fault.for_ns
    return not (fault.changes_members or lasts)


def _unnoticed(record: Record, scenario: Scenario) -> list[float]:
    """By client."""
    owner = owners(tuple(client.instances for client in scenario.clients))
    concerned = np.isin(record.notes[:, 1], (kinds.MIDDLEBOX_DROPPED, *_ENDS_OF_CONNECTIONS))
    dropped: dict[int, tuple[int, int]] = {}
    longest = [0.0] * record.clients
    for time_ns, kind, session, _, connection, _ in record.notes[concerned].tolist():
        if kind == kinds.MIDDLEBOX_DROPPED:
            dropped[connection] = int(owner[session]), time_ns
        elif connection in dropped:
            client, since_ns = dropped.pop(connection)
            longest[client] = max(longest[client], (time_ns - since_ns) * _NS)
    for client, since_ns in dropped.values():
        longest[client] = max(longest[client], (record.end_ns - since_ns) * _NS)
    return longest


def _recover(record: Record, fault: Fault) -> list[float]:
    if not is_recovered_from(fault):
        return [math.inf] * record.clients
    return [recovered_after(record, fault, client) for client in range(record.clients)]


def recovered_after(record: Record, fault: Fault, client: int) -> float:
    """`recover` of one fault and client in seconds; NaN where it did not happen."""
    if not fault.for_ns:
        return math.nan
    table = record.intervals
    requests = Requests.of(
        record, table.requests[:, client].sum(axis=1), table.errors[:, client].sum(axis=1)
    )
    end_ns = fault.at_ns + fault.for_ns
    before = requests.success_share(max(fault.at_ns - HOLD_NS, 0), fault.at_ns)
    undersized = record.samples[:, client, :, _UNDERSIZED].max(axis=1) > 0
    well_ns = first_well(record, requests, before - TOLERANCE, undersized, end_ns)
    return math.nan if well_ns is None else (well_ns - end_ns) * _NS


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests and errors that ended up to each edge of the intervals: shape (intervals + 1,)."""

    edges_ns: Integers
    ended: Integers
    errors: Integers

    @classmethod
    def of(cls, record: Record, ended: Integers, errors: Integers) -> Requests:
        """From the counts of each interval."""
        return cls(
            record.grid.interval_edges_ns,
            np.concatenate(([0], np.cumsum(ended))),
            np.concatenate(([0], np.cumsum(errors))),
        )

    def within(self, from_ns: Integers, to_ns: Integers) -> tuple[Integers, Integers]:
        """Requests and errors that ended in each window; one that begins or ends within an
        interval begins or ends with its end."""
        last = len(self.edges_ns) - 1
        firsts = np.minimum(np.searchsorted(self.edges_ns, from_ns), last)
        lasts = np.minimum(np.searchsorted(self.edges_ns, to_ns), last)
        return self.ended[lasts] - self.ended[firsts], self.errors[lasts] - self.errors[firsts]

    def success_shares(self, from_ns: Integers, to_ns: Integers) -> npt.NDArray[np.float64]:
        """Share of the requests ended in each window that ended ok, 1 where none ended."""
        ended, errors = self.within(from_ns, to_ns)
        shares: npt.NDArray[np.float64] = 1.0 - errors / np.maximum(ended, 1)
        return shares

    def success_share(self, from_ns: int, to_ns: int) -> float:
        """The same for one window."""
        return float(self.success_shares(np.array([from_ns]), np.array([to_ns]))[0])


def first_well(
    record: Record,
    requests: Requests,
    least_share: float,
    unwell: npt.NDArray[np.bool_],
    from_ns: int,
    least_ns: int = HOLD_NS,
) -> int | None:
    """The first edge of an interval, from a time on, from which all is well for 10 s: enough
    requests succeed and no sample is unwell (shape (samples,)).

    Where the run ends before, it must be well to its end, for `least_ns` at least, with a request
    that ended then, if any ended since `from_ns`: silence at the end of a run proves nothing.
    """
    duration_ns = record.grid.duration_ns
    edges = record.grid.interval_edges_ns
    starts = edges[(edges >= from_ns) & (edges + least_ns <= duration_ns)]
    ends = np.minimum(starts + HOLD_NS, duration_ns)
    times = record.sample_times_ns
    counted = np.concatenate(([0], np.cumsum(unwell)))
    firsts = np.searchsorted(times, starts, side="left")
    lasts = np.searchsorted(times, ends, side="right")
    well = counted[lasts] == counted[firsts]
    well &= requests.success_shares(starts, ends) >= least_share
    ended, _ = requests.within(starts, ends)
    since, _ = requests.within(np.array([from_ns]), np.array([duration_ns]))
    well &= (ends - starts == HOLD_NS) | (ended > 0) | (since == 0)
    return int(starts[np.argmax(well)]) if well.any() else None
