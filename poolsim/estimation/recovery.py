"""What became of each pool after the last fault that concerned it.

* recovered: from some instant on, for 10 s (to the end of the run where that comes first, for a
  second and three intervals at least), the host is up, no more pools are too small for their load
  than were before the fault, and the share of requests that succeed on the node is within 1 % of
  what it was in the 10 s before.
* not recovered: a pool is too small, missing or its host held for down when the run ends, with the
  reason as far as samples and notes tell.
* metastable: host and pools are as before when the run ends, and yet requests fail, or wait in the
  acquisition queue as they did not before: the trouble outlives its cause.

Listed are the nodes that had a fault, and every other node whose pools are not well after the last
fault of the run. Nodes that join or leave, and middleboxes without an end, are no faults here. Over
replications the worst counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from poolsim.estimation.faults import (
    HOLD_NS,
    TOLERANCE,
    Requests,
    first_well,
    is_recovered_from,
)
from poolsim.estimation.results import Recovery
from poolsim.model import kinds
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.recording.frames import within_intervals
from poolsim.recording.histogram import Integers
from poolsim.recording.record import Record, owners

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Fault, Scenario

Status = Literal["recovered", "not recovered", "metastable"]
_NS = 1e-9
_LEAST_NS = 1_000_000_000
_LEAST_INTERVALS = 3
_SEVERITY: dict[Status, int] = {"recovered": 0, "metastable": 1, "not recovered": 2}
_COLUMN = {name: place for place, name in enumerate(SAMPLE_COLUMNS)}


@dataclass(frozen=True, slots=True)
class Pools:
    """One client's pools of one node in one replication, and the fault they are judged after."""

    record: Record
    scenario: Scenario
    client: int
    node: int
    fault: Fault

    def sampled(self, name: str) -> Integers:
        """A column of their samples: shape (samples,)."""
        column: Integers = self.record.samples[:, self.client, self.node, _COLUMN[name]]
        return column

    @property
    def end_ns(self) -> int:
        """When the fault was over."""
        return self.fault.at_ns + self.fault.for_ns

    @property
    def since(self) -> npt.NDArray[np.bool_]:
        """Which samples were taken since then: shape (samples,)."""
        return self.record.sample_times_ns >= self.end_ns

    @property
    def before(self) -> npt.NDArray[np.bool_]:
        """Which samples were taken in the 10 s before the fault: shape (samples,)."""
        times = self.record.sample_times_ns
        return (times > self.fault.at_ns - HOLD_NS) & (times <= self.fault.at_ns)

    def unwell(self) -> npt.NDArray[np.bool_]:
        """At which samples a host is held for down or more pools are too small than were at some
        instant before the fault: a growing load makes a pool too small for a moment, too."""
        undersized = self.sampled("undersized")
        usual = int(undersized[self.before].max(initial=0))
        return (undersized > usual) | (self.sampled("down") > 0)

    def notes(self, kind: int) -> Integers:
        """Their notes of a kind since the fault began: shape (n, 6)."""
        rows = self.record.notes
        owner = owners(tuple(client.instances for client in self.scenario.clients))
        own = (rows[:, 1] == kind) & (rows[:, 3] == self.node) & (rows[:, 2] >= 0)
        own &= owner[np.maximum(rows[:, 2], 0)] == self.client
        found: Integers = rows[own & (rows[:, 0] >= self.fault.at_ns)]
        return found

    def requests(self) -> Requests:
        """Requests that ended on the node."""
        table = self.record.intervals
        place = (slice(None), self.client, self.node)
        return Requests.of(self.record, table.requests[place], table.errors[place])


def recoveries(scenario: Scenario, records: Sequence[Record]) -> tuple[Recovery, ...]:
    """What became of each client's pools of each node that had a fault, or is not well."""
    faults = [fault for fault in scenario.faults if is_recovered_from(fault)]
    if not faults:
        return ()
    found = []
    last = _last(faults)
    for client in range(len(scenario.clients)):
        for node in range(len(scenario.node_names)):
            own = [fault for fault in faults if fault.node == node]
            fault = max(own, key=lambda fault: fault.at_ns, default=last)
            if fault is None:
                continue
            judged = [
                _judged(Pools(record, scenario, client, node, fault))
                for record in records
                if _has_pools(record, client, node)
            ]
            if not judged:
                continue
            worst = _worst(judged)
            if own or worst.status != "recovered":
                found.append(worst)
    return tuple(found)


def _last(faults: Sequence[Fault]) -> Fault | None:
    """The fault that ends last; None where one does not end, so that nothing comes after it."""
    if not all(fault.for_ns for fault in faults):
        return None
    return max(faults, key=lambda fault: fault.at_ns + fault.for_ns)


def _has_pools(record: Record, client: int, node: int) -> bool:
    states = [_COLUMN["active"], _COLUMN["trashed"], _COLUMN["connecting"], _COLUMN["sent"]]
    return bool(record.samples[:, client, node][:, states].any())


def _worst(judged: list[Recovery]) -> Recovery:
    worst = max(judged, key=lambda r: (_SEVERITY[r.status], r.recovered_after_s or 0.0))
    same = sum(recovery.status == worst.status for recovery in judged)
    if same == len(judged) or worst.status == "recovered":
        return worst
    return replace(worst, reason=f"{worst.reason} (in {same} of {len(judged)} replications)")


def _judged(pools: Pools) -> Recovery:
    name = pools.scenario.clients[pools.client].name
    node = pools.scenario.node_names[pools.node]
    if not pools.fault.for_ns:
        return Recovery(name, node, "not recovered", "the fault lasts to the end of the run", None)
    if not pools.since.any():
        return Recovery(name, node, "not recovered", "the run ends with the fault", None)
    requests = pools.requests()
    before = requests.success_share(max(pools.fault.at_ns - HOLD_NS, 0), pools.fault.at_ns)
    unwell = pools.unwell()
    least_ns = max(_LEAST_NS, _LEAST_INTERVALS * pools.record.grid.interval_ns)
    well_ns = first_well(pools.record, requests, before - TOLERANCE, unwell, pools.end_ns, least_ns)
    stuck = _queue_stuck(pools)
    if well_ns is not None and not stuck:
        return Recovery(name, node, "recovered", "", (well_ns - pools.end_ns) * _NS)
    if unwell[-1]:
        return Recovery(name, node, "not recovered", _why_unwell(pools), None)
    end_ns = pools.record.grid.duration_ns
    last_unwell_ns = int(pools.record.sample_times_ns[unwell].max(initial=0))
    if end_ns - last_unwell_ns <= least_ns:
        back_s = (end_ns - last_unwell_ns) * _NS
        reason = f"back for the last {back_s:.3g} s of the run only: too short to tell"
        return Recovery(name, node, "not recovered", reason, None)
    failing = 1 - requests.success_share(max(pools.end_ns, end_ns - HOLD_NS), end_ns)
    if stuck:
        reason = "requests have waited in its acquisition queue ever since, and did not before"
    elif failing > 1 - before + TOLERANCE:
        reason = f"host and pool are back, yet {failing:.0%} of its requests fail"
        reason += f" ({1 - before:.0%} before the fault)"
    else:
        reason = "host and pool come and go"
    return Recovery(name, node, "metastable", reason, None)


def _queue_stuck(pools: Pools) -> bool:
    """Whether the acquisition queue was never empty since the fault, though it was before it."""
    pending = pools.sampled("pending")
    was_empty = bool((pending[pools.before] == 0).any()) or not pools.before.any()
    return was_empty and bool((pending[pools.since] > 0).all())


def _why_unwell(pools: Pools) -> str:
    gave_up = pools.notes(kinds.RECONNECTION_GAVE_UP)
    returned = pools.notes(kinds.HOST_UP)
    last_return_ns = int(returned[-1, 0]) if len(returned) else -1
    if len(gave_up) and gave_up[-1, 0] > last_return_ns:
        return f"the driver gave up after {gave_up[-1, 5]} reconnection attempts"
    failed = pools.notes(kinds.RECONNECTION_FAILED)
    if len(failed) and failed[-1, 0] > last_return_ns:
        next_ns = int(failed[-1, 0] + failed[-1, 5])
        if next_ns > pools.record.end_ns:
            return (
                f"backoff longer than the rest of the run: the next reconnection attempt is due "
                f"at {next_ns * _NS:.6g} s"
            )
    if pools.sampled("down")[-1]:
        return "the host is still held for down"
    if (pools.sampled("pending")[pools.since] > 0).all():
        return "acquisition queue never empty: the pool grows at direct borrows only"
    sent = within_intervals(pools.record)[:, pools.client, pools.node, _COLUMN["sent"]]
    since = pools.record.grid.interval_edges_ns[:-1] >= pools.end_ns
    if not sent[since].any():
        return "no borrow since"
    rest_s = (pools.record.end_ns - pools.end_ns) * _NS
    return f"its pool is still smaller than its load needs, {rest_s:.3g} s after the fault"
