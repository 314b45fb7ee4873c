"""What a run gives to everyone who shows it: terminal, HTML report, JSON, notebooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas

    from poolsim.estimation.monitor import Monitored
    from poolsim.estimation.orm import OrmReport
    from poolsim.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Replication:
    """One simulated run of a scenario.

    `timeline`: a row per interval, client and node: `time_s`, `end_s`, `client`, `node`, the
    columns of SAMPLE_COLUMNS as they stand at `end_s` (`rejected` and `sent` within the interval),
    `requests` and `errors` that ended in it on that node, `latency_p50_s`, `latency_p99_s`,
    `latency_max_s`, `wait_p99_s` of the requests intended in it (NaN where none).
    `events`: a row per note: `time_s`, `kind` (NOTE_NAMES), `client`, `instance`, `node`,
    `connection`, `value`; client and node are names, "" where there is none.
    `metrics`: value by full name (`latency.p99`, `api/latency.p99@spike`), in SI units.
    """

    index: int
    digest: str
    timeline: pandas.DataFrame
    events: pandas.DataFrame
    metrics: dict[str, float]
    failures: tuple[str, ...]
    """Up to ten failed requests in words, NoHostAvailable with each host's error."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean over replications with the half-width of its 95 % interval (NaN for one run)."""

    mean: float
    half_width: float
    count: int
    unit: str
    """s, 1/s, share or count."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one expectation ended."""

    text: str
    status: Literal["passed", "failed", "inconclusive"]
    estimate: Estimate
    limit: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of one client's pools of one node after its last fault."""

    client: str
    node: str
    status: Literal["recovered", "not recovered", "metastable"]
    reason: str
    recovered_after_s: float | None
    """From the end of the fault."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A pool that needed to grow and did not while its acquisition queue was not empty."""

    client: str
    node: str
    from_s: float
    to_s: float
    active: float
    maximum: float
    pending_max: float


@dataclass(frozen=True, slots=True)
class Results:
    """All replications of a scenario and what they say."""

    scenario: Scenario
    resolved: str
    """The resolved scenario as YAML."""
    inputs: str
    digest: str
    engine: str
    replications: tuple[Replication, ...]
    warm_up_s: float
    interval_s: float
    estimates: dict[str, Estimate]
    verdicts: tuple[Verdict, ...]
    recoveries: tuple[Recovery, ...]
    stalls: tuple[Stall, ...]
    warnings: tuple[str, ...]
    elapsed_s: float
    reproduce: str
    """The line that reproduces the run."""
    monitors: tuple[Monitored, ...] = ()
    """What the wrappers of the first replication saw of their hosts."""
    orm_reports: tuple[OrmReport, ...] = ()
    """What the CassandraORM pools of the first replication say of themselves."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Sums over the replications: requests, events of the engine."""

    @property
    def exit_code(self) -> int:
        """0 all passed, 1 one failed, 4 none failed but one is inconclusive."""
        statuses = {verdict.status for verdict in self.verdicts}
        return 1 if "failed" in statuses else 4 if "inconclusive" in statuses else 0
