"""The recordings that a measurement takes: the calibration first, then both settings of each case.

Whatever is there already is kept, so a measurement that was interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from poolsim.fidelity.performance.overhead import Overhead, fit
from poolsim.fidelity.recordings import read_recording
from poolsim.fidelity.validation.course import Say, record_all
from poolsim.fidelity.validation.programme import Programme
from poolsim.harness import files
from poolsim.harness.recording.record import Plan, Repetition
from poolsim.planning.sizing.case import Case, Side
from poolsim.scenario.load import load_plan, load_text
from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Recording as Asked
from poolsim.scenario.units import format_duration

CALIBRATION = Path("plans", "performance", "calibration.yaml")
FOLDER = "sizing"


@dataclass(frozen=True, slots=True)
class Runs:
    """One setting of a case and its repetitions, by number from 1."""

    case: Case
    side: Side
    repetitions: tuple[Repetition, ...]


def scenarios() -> list[Path]:
    """The harness's scenarios whose recommendations are measured.

    Raises ScenarioError where there are none.
    """
    directory = files.directory() / FOLDER
    found = sorted(directory.glob("*.yaml"))
    if not found:
        raise ScenarioError([Mistake(str(directory), 1, 1, "", "there are no scenarios here")])
    return found


def record_calibration(recordings: Path, command: str, say: Say) -> Overhead:
    """The fixed overhead, fitted on the first repetition of the calibration plan; it is recorded
    where it is missing. Raises like `record_all`."""
    path = files.directory() / CALIBRATION
    scenario = load_plan(path)
    plan = Plan(scenario, path.read_text(encoding="utf-8"))
    repetition = Repetition(plan, 1, recordings / plan.name / "1")
    record_all(Programme((), (repetition,)), recordings, command, say)
    return fit(read_recording(repetition.directory))


def runs_of(cases: Sequence[Case], recordings: Path) -> list[Runs]:
    """What is recorded of some cases: as many repetitions as each scenario asks for."""
    return [_runs(case, side, recordings) for case in cases for side in case.sides]


def record_runs(runs: Sequence[Runs], recordings: Path, command: str, say: Say) -> None:
    """Record what is missing, interleaved: what drifts meanwhile drifts in all settings alike.
    Raises like `record_all`."""
    wanted = sorted(
        (repetition for one in runs for repetition in one.repetitions), key=lambda one: one.number
    )
    record_all(Programme((), tuple(wanted)), recordings, command, say)


def _runs(case: Case, side: Side, recordings: Path) -> Runs:
    asked = case.plan.recording
    assert asked is not None, "a case's scenario is a plan"
    found = []
    for number in range(1, asked.repetitions + 1):
        plan = _plan(case, side, number, asked)
        directory = recordings / FOLDER / plan.name / str(number)
        found.append(Repetition(plan, number, directory))
    return Runs(case, side, tuple(found))


def _plan(case: Case, side: Side, number: int, asked: Asked) -> Plan:
    """A setting as a plan of its own. Each repetition has its own arrivals and service times, the
    same ones for both settings; none of them is one that the recommendation was made from."""
    scenario = load_plan(case.path, side.chosen)
    seed = case.plan.seed + number
    named = replace(scenario, name=f"{case.plan.name}-{side.slug}", seed=seed)
    text = to_yaml(named) + _record_block(asked)
    loaded = load_text(text, f"{named.name}.yaml", case.path.parent)
    return Plan(loaded, text)


def _record_block(asked: Asked) -> str:
    block = {
        "nodes": asked.nodes,
        "compare": list(asked.compare),
        "repetitions": asked.repetitions,
        "sample_every": format_duration(asked.sample_every_ns),
    }
    if asked.driver_version:
        block["driver_version"] = asked.driver_version
    return yaml.safe_dump({"record": block}, sort_keys=False)
