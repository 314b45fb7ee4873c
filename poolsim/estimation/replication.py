"""A replication of the contract made of a record, its frames built when first asked for.

Importing pandas takes longer than a small run; most runs are judged and written without frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from poolsim.estimation.failures import failures_in_words
from poolsim.estimation.results import Replication
from poolsim.recording import frames
from poolsim.recording.record import Record

if TYPE_CHECKING:
    import pandas

    from poolsim.scenario.scenario import Scenario


class RecordedReplication(Replication):
    """See Replication; `record` holds what it was made of."""

    __slots__ = ("_events", "_timeline", "record", "scenario")

    record: Record
    scenario: Scenario
    _timeline: pandas.DataFrame | None
    _events: pandas.DataFrame | None

    def __init__(
        self, index: int, record: Record, scenario: Scenario, metrics: dict[str, float]
    ) -> None:
        values: dict[str, Any] = {
            "index": index,
            "digest": record.digest,
            "metrics": metrics,
            "failures": failures_in_words(record, scenario),
            "record": record,
            "scenario": scenario,
            "_timeline": None,
            "_events": None,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def timeline(self) -> pandas.DataFrame:
        """A row per interval, client and node."""
        if self._timeline is None:
            made = frames.timeline(self.record, self.scenario)
            object.__setattr__(self, "_timeline", made)
            return made
        return self._timeline

    @property
    def events(self) -> pandas.DataFrame:
        """A row per note."""
        if self._events is None:
            made = frames.events(self.record, self.scenario)
            object.__setattr__(self, "_events", made)
            return made
        return self._events

    def __reduce__(self) -> tuple[type[RecordedReplication], tuple[Any, ...]]:
        """Copies and pickles are made of the record, not of the frames."""
        return RecordedReplication, (self.index, self.record, self.scenario, self.metrics)

    def __repr__(self) -> str:
        return f"RecordedReplication(index={self.index}, digest={self.digest!r})"

    def __eq__(self, other: object) -> bool:
        """Equal as their digests are: whether two runs did the same."""
        if not isinstance(other, RecordedReplication):
            return NotImplemented
        return (self.index, self.digest) == (other.index, other.digest)

    def __hash__(self) -> int:
        return hash((self.index, self.digest))
