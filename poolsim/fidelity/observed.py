"""What was seen of a run, real or simulated: the same tables for both, so that one pair of eyes
looks at both.

Times are nanoseconds from the run's time zero. Hosts are numbered from 0 in the order of the
plan's nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

OUTCOMES = ("ok", "rejected", "timeout", "error")
"""How a request ends: rejected means that every host tried refused it because its pool was busy."""

SUCCEEDED, REJECTED, TIMED_OUT, FAILED = range(len(OUTCOMES))

NO_TIME = -1
"""What stands for a time that did not come."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Every request of a run, in the order of their starts; arrays of equal length.

    number: counts from 0. intended_ns: when it should have been issued. started_ns: when the driver
    got it. ended_ns: when its result was known, -1 where it was not by the end of the run. host:
    the coordinator that answered, -1 where none did. outcome: index into OUTCOMES, -1 where it did
    not end.
    """

    number: Integers
    intended_ns: Integers
    started_ns: Integers
    ended_ns: Integers
    host: Integers
    outcome: Integers

    def __len__(self) -> int:
        return len(self.number)

    def where(self, kept: Flags) -> Requests:
        """Only those that are flagged."""
        return Requests(
            self.number[kept],
            self.intended_ns[kept],
            self.started_ns[kept],
            self.ended_ns[kept],
            self.host[kept],
            self.outcome[kept],
        )


@dataclass(frozen=True, slots=True)
class HostSamples:
    """The state of one host's pool at rising times; arrays of equal length, counts.

    connections: active, ready for requests. trashed: waiting for their idle timeout. in_flight: as
    the driver counts them. pending: in the acquisition queue.
    """

    at_ns: Integers
    connections: Integers
    trashed: Integers
    in_flight: Integers
    pending: Integers

    def __len__(self) -> int:
        return len(self.at_ns)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a host (-1: at none in particular)."""

    at_ns: int
    host: int
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """All tables of one run. `events` are in the order of their times."""

    duration_ns: int
    requests: Requests
    hosts: tuple[HostSamples, ...]
    events: tuple[Event, ...]

    def events_of(self, *kinds: str, host: int | None = None) -> Iterator[Event]:
        """Events of some kinds, of one host or of all."""
        for event in self.events:
            if event.kind in kinds and (host is None or event.host == host):
                yield event


@dataclass(frozen=True, slots=True)
class FaultWindow:
    """When a node was lost and when it was back, as its clients saw it: nanoseconds.

    `to_ns` is the end of the run where the node did not come back within it. `status_ns` is when
    another node told of its return, NO_TIME where none did.
    """

    host: int
    from_ns: int
    to_ns: int
    status_ns: int = NO_TIME
