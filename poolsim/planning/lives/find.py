"""Which request: the slowest, the first that failed, or one by number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from poolsim.planning.run_directory import RunDirectory
from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.recording.histogram import Integers
from poolsim.recording.record import owners
from poolsim.recording.recorder import Recorder
from poolsim.scenario.mistakes import Mistake, ScenarioError, did_you_mean
from poolsim.scenario.scenario import Scenario

_NAMED = re.compile(r"(?:(?P<client>[^/\s]+)/)?(?P<number>\d{1,18})")
_SESSION, _OUTCOME, _INTENDED, _ENDED = (
    REQUEST_COLUMNS.index(name) for name in ("session", "outcome", "intended_ns", "ended_ns")
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`kind`: slowest, failed or number; `client`: its index, -1 for any."""

    kind: str
    client: int = -1
    number: int = -1


def parse_wanted(text: str, scenario: Scenario) -> Wanted:
    """`slowest`, `failed`, `17`, `api/17` or `api/slowest`. Raises ScenarioError for others."""
    names = [client.name for client in scenario.clients]
    before, slash, after = text.rpartition("/")
    if slash and before not in names:
        raise _wrong(text, f"there is no client {before}{did_you_mean(before, names)}")
    client = names.index(before) if slash else -1
    if after in ("slowest", "failed"):
        return Wanted(after, client)
    if _NAMED.fullmatch(text) is None:
        raise _wrong(text, "write slowest, failed, a request's number, or client/number")
    if client < 0 and len(names) > 1:
        raise _wrong(text, f"numbers count within a client: write {names[0]}/{after}")
    return Wanted("number", max(client, 0), int(after))


class Finding(Recorder):
    """A recorder that also keeps the row of the request that is looked for."""

    def __init__(self, scenario: Scenario, interval_ns: int, wanted: Wanted) -> None:
        super().__init__(scenario, interval_ns)
        self._wanted = wanted
        self._client_of = owners(tuple(client.instances for client in scenario.clients))
        self.row: Integers | None = None

    def requests(self, rows: Integers) -> None:
        """See Recorder.requests."""
        super().requests(rows)
        if len(rows):
            self._look(rows)

    def _look(self, rows: Integers) -> None:
        wanted = self._wanted
        if wanted.client >= 0:
            rows = rows[self._client_of[rows[:, _SESSION]] == wanted.client]
        match wanted.kind:
            case "failed":
                rows = rows[rows[:, _OUTCOME] != 0]
                better = self.row is None
            case "number":
                rows = rows[rows[:, 0] == wanted.number]
                better = True
            case _:
                lasted = rows[:, _ENDED] - rows[:, _INTENDED]
                if not len(rows):
                    return
                rows = rows[int(lasted.argmax()) :]
                better = self.row is None or _lasted(rows[0]) > _lasted(self.row)
        if len(rows) and better:
            self.row = rows[0].copy()


def find_request(run: RunDirectory, text: str, replication: int) -> Integers:
    """The row (REQUEST_COLUMNS) of the request that a text names.

    Raises ScenarioError where there is none, or the run cannot be simulated again.
    """
    wanted = parse_wanted(text, run.scenario)
    finding = Finding(run.scenario, run.recorder().interval_ns, wanted)
    run.simulated_again(replication, finding)
    if finding.row is None:
        what = "no request failed" if wanted.kind == "failed" else "there is no such request"
        raise _wrong(text, f"{what} in replication {replication}")
    return finding.row


def _lasted(row: Integers) -> int:
    return int(row[_ENDED] - row[_INTENDED])


def _wrong(text: str, message: str) -> ScenarioError:
    return ScenarioError([Mistake(text, 1, 1, "", message)])
