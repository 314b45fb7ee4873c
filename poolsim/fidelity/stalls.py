"""The stall rule, fixed before anything was looked at.

A machine that stops for a moment makes a driver look as if it behaved differently. A second is
marked where

- a request was issued more than 3 ms after it could have been: after its intended start, and the
  gap that the issuing thread keeps to the one before;
- a paced node's response left more than 3 ms after it was due and there;
- no request ended for 50 ms while at least four were due.

What was intended in a marked second or in the one after it is left out of every figure, on the real
and on the simulated side alike. What a fault does to its node is no stall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolsim.fidelity.observed import Flags, Integers, Requests
from poolsim.fidelity.recordings import NodeLog, Recording
from poolsim.model.drivers.registry import DRIVERS

SECOND = 1_000_000_000
MILLISECOND = 1_000_000

ISSUE_SLACK_NS = 3 * MILLISECOND
RESPONSE_SLACK_NS = 3 * MILLISECOND
SILENCE_NS = 50 * MILLISECOND
FEWEST_DUE = 4
SMALLEST_SHARE = 0.5
"""A repetition of which less is kept is made again."""

AFTER_FAULT_NS = SECOND
"""A node that resumes sends what it held; so long its responses are no measure of the proxy."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """The marked seconds of a recording, rising, and how often each part of the rule marked one."""

    seconds: tuple[int, ...]
    late_issues: int
    late_responses: int
    silences: int

    def left_out(self, times_ns: Integers) -> Flags:
        """Whether each time lies in a marked second or the one after it."""
        seconds = times_ns // SECOND
        marked = np.array(self.seconds, dtype=np.int64)
        return np.isin(seconds, marked) | np.isin(seconds - 1, marked)

    def __or__(self, other: Stalls) -> Stalls:
        """What is marked in either."""
        return Stalls(
            tuple(sorted({*self.seconds, *other.seconds})),
            self.late_issues + other.late_issues,
            self.late_responses + other.late_responses,
            self.silences + other.silences,
        )

    def concern(self, at_ns: int) -> bool:
        """Whether one time is left out."""
        second = at_ns // SECOND
        return second in self.seconds or second - 1 in self.seconds


def find_stalls(recording: Recording) -> Stalls:
    """The stalls of a recording by the rule."""
    late = _late_issues(recording)
    responses = _late_responses(recording)
    silences = _silences(recording)
    seconds: set[int] = set()
    for begin, end in (*late, *responses, *silences):
        seconds.update(range(begin // SECOND, end // SECOND + 1))
    return Stalls(tuple(sorted(seconds)), len(late), len(responses), len(silences))


Spans = list[tuple[int, int]]


def _spans(begins: Integers, ends: Integers) -> Spans:
    return list(zip(begins.tolist(), ends.tolist(), strict=True))


def _late_issues(recording: Recording) -> Spans:
    """From when a request could have been issued to when it was, where that is too long."""
    requests = recording.observed.requests
    client = recording.plan.client
    before = np.concatenate(([np.iinfo(np.int64).min // 2], requests.started_ns[:-1]))
    possible = np.maximum(requests.intended_ns, before + client.issue_ns)
    late = requests.started_ns - possible > ISSUE_SLACK_NS
    if DRIVERS[client.driver].TRAITS.blocking_borrow:
        late &= ~_pool_was_full(recording, requests)
    return _spans(possible[late], requests.started_ns[late])


def _pool_was_full(recording: Recording, requests: Requests) -> Flags:
    """Whether some pool was full in the second of a start: a borrow that blocks is no stall."""
    limit = recording.plan.client.options.local.max_requests
    full: set[int] = set()
    for host in recording.observed.hosts:
        is_full = host.in_flight >= host.connections * limit
        full.update(np.unique(host.at_ns[is_full] // SECOND).tolist())
    seconds = requests.started_ns // SECOND
    marked = np.array(sorted(full), dtype=np.int64)
    return np.isin(seconds, marked) | np.isin(seconds - 1, marked)


def _late_responses(recording: Recording) -> Spans:
    node = recording.node
    if node is None:
        return []
    due = np.maximum(node.due_ns, node.backend_ns)
    late = (node.sent_ns >= 0) & (node.sent_ns - due > RESPONSE_SLACK_NS)
    late &= ~_in_faults(recording, node)
    return _spans(due[late], node.sent_ns[late])


def _in_faults(recording: Recording, node: NodeLog) -> Flags:
    """Rows of the log that came, were due or left while their node was lost."""
    inside = np.zeros(len(node.request), dtype=bool)
    for fault in recording.faults:
        own = node.listener == fault.host
        to_ns = fault.to_ns + AFTER_FAULT_NS
        inside |= own & (node.sent_ns >= fault.from_ns) & (node.arrived_ns <= to_ns)
    return inside


def _silences(recording: Recording) -> Spans:
    requests = recording.observed.requests
    ended = np.sort(requests.ended_ns[requests.ended_ns >= 0])
    gaps = np.flatnonzero(np.diff(ended) > SILENCE_NS)
    found = []
    for begin, end in _spans(ended[gaps], ended[gaps + 1]):
        is_fault = any(
            begin < fault.to_ns + AFTER_FAULT_NS and end > fault.from_ns
            for fault in recording.faults
        )
        if not is_fault and _due_within(recording, begin, end) >= FEWEST_DUE:
            found.append((begin, end))
    return found


def _due_within(recording: Recording, begin: int, end: int) -> int:
    """Requests that should have ended in a silence: on paced nodes by their due times, on bare
    ones all that were under way throughout."""
    node = recording.node
    if node is not None:
        due = (node.due_ns > begin) & (node.due_ns < end - MILLISECOND) & (node.sent_ns >= 0)
        return int(due.sum())
    requests = recording.observed.requests
    under_way = (requests.started_ns <= begin) & (
        (requests.ended_ns >= end) | (requests.ended_ns < 0)
    )
    return int(under_way.sum())
