"""A run read back from its directory, and simulated again where the directory lacks something."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from poolsim.engine.run import Attachment, simulate
from poolsim.recording.grid import choose_interval
from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.load import load
from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.scenario import Scenario

SUMMARY = "summary.json"
RESOLVED = "scenario.resolved.yaml"


@dataclass(frozen=True)
class RunDirectory:
    """What `poolsim run` wrote."""

    path: Path
    summary: dict[str, Any]

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario with every default filled in, as it was run."""
        return load(self.path / RESOLVED)

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.summary["name"])

    @property
    def replications(self) -> int:
        """How many there are."""
        return len(self.summary["replications"])

    def metrics(self, name: str) -> list[float]:
        """A metric's value in each replication, NaN where there is none."""
        found = [one["metrics"].get(name) for one in self.summary["replications"]]
        return [float("nan") if value is None else float(value) for value in found]

    def simulated_again(
        self, replication: int, recorder: Recorder, attachments: tuple[Attachment, ...] = ()
    ) -> Record:
        """Simulate a replication once more; raises ScenarioError where it does not come out the
        same, because the model or numpy changed since."""
        self.require(replication)
        engine = "simpy" if attachments else "auto"
        end = simulate(self.scenario, replication, recorder, engine=engine, attachments=attachments)
        record = recorder.finish(end.end_ns, end.unfinished)
        expected = self.summary["replications"][replication]["digest"]
        if record.digest != expected:
            raise _wrong(
                self.path / SUMMARY,
                f"replication {replication} does not come out the same (digest "
                f"{record.digest[:12]}, it was {expected[:12]}): the run was made by another "
                "version of poolsim or numpy; run the scenario again",
            )
        return record

    def recorder(self) -> Recorder:
        """A recorder as the run had it."""
        return Recorder(self.scenario, choose_interval(self.scenario))

    def require(self, replication: int) -> None:
        """Raise ScenarioError where the run has no such replication."""
        if not 0 <= replication < self.replications:
            message = f"there is no replication {replication}: 0 to {self.replications - 1}"
            raise _wrong(self.path / SUMMARY, message)


def read_run(path: Path) -> RunDirectory:
    """Read a run's directory. Raises ScenarioError for what is none."""
    file = path / SUMMARY
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        message = f"not valid JSON: {error.msg}"
        raise ScenarioError([Mistake(str(file), error.lineno, error.colno, "", message)]) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _wrong(
            file, f"this is not the directory of a run ({reason}): name one of runs/"
        ) from None
    if not isinstance(summary, dict) or "replications" not in summary:
        raise _wrong(file, "this is not the summary of a run: run the scenario again")
    return RunDirectory(path, summary)


def _wrong(file: Path, message: str) -> ScenarioError:
    return ScenarioError([Mistake(str(file), 1, 1, "", message)])
