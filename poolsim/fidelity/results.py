"""All that was compared, as one JSON document: what the report is written from.

Times are in the unit that a figure names; a figure that could not be computed is null.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from poolsim import __version__
from poolsim.fidelity import series
from poolsim.fidelity.calibration.calibrate import Calibration, calibrate
from poolsim.fidelity.calibration.laws import law_text
from poolsim.fidelity.checks import HELD, NOT_HELD, NOT_MEASURABLE, Check
from poolsim.fidelity.decisions import DriverDecisions
from poolsim.fidelity.mechanism.compare import compare_mechanism
from poolsim.fidelity.performance.compare import compare_performance, predicted_from_plan
from poolsim.fidelity.performance.overhead import Overhead, fit
from poolsim.fidelity.plans import Plan
from poolsim.fidelity.recordings import Recording, RecordingError
from poolsim.fidelity.simulated import PREDICTED, TRACE_DRIVEN, simulated
from poolsim.fidelity.stalls import find_stalls
from poolsim.scenario.scenario import Node

FORMAT = "poolsim.fidelity/1"
CALIBRATION = "calibration"
"""A plan with this in its name is one that is fitted on; it is not a prediction."""

_LIBRARIES = ("numpy", "scipy", "simpy", "pandas", "pyarrow", "matplotlib")


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the simulations of a driver's plans take from its calibration recordings.

    overhead: of paced nodes. bare: service law, workers and delay of bare nodes.
    """

    overhead: Overhead | None
    bare: Calibration | None


def fitted(recordings: Sequence[Recording], driver: str) -> Fitted:
    """Fit on the first recordings of a driver's calibration plans, paced and bare, or of another
    driver's where it has none."""

    def first(nodes: str) -> Recording | None:
        found = [
            one for one in recordings if CALIBRATION in one.plan.name and one.meta["nodes"] == nodes
        ]
        own = [one for one in found if one.plan.client.driver == driver]
        return next(iter(own or found), None)

    paced, bare = first("paced"), first("bare")
    return Fitted(
        overhead=fit(paced) if paced is not None else None,
        bare=calibrate(bare) if bare is not None else None,
    )


def compare_plan(recordings: Sequence[Recording], known: Fitted) -> dict[str, Any]:
    """Everything that is compared of one plan.

    Raises:
        RecordingError: the recordings are not of one and the same plan.
    """
    plan = recordings[0].plan
    for other in recordings[1:]:
        if replace(other.plan.scenario, path=None) != replace(plan.scenario, path=None):
            raise RecordingError(
                f"{other.path}: its plan.yaml is not that of {recordings[0].path}; "
                "remove the older recordings of this plan"
            )
    delay_ns, node = _in_place_of_the_plan_s(plan, known)
    overhead = known.overhead
    runs = [(one, simulated(one, TRACE_DRIVEN, delay_ns, node)) for one in recordings]
    simulations = [simulation for _, simulation in runs]
    checks: list[Check] = []
    use = None
    shares: Sequence[float] = ()
    to_repeat: Sequence[str] = ()
    curves = None
    if plan.compares_mechanism:
        checks += compare_mechanism(runs)
    if plan.compares_performance:
        performance = compare_performance(runs, overhead)
        checks += performance.checks
        use, shares, to_repeat = (
            performance.utilisation,
            performance.shares,
            performance.to_repeat,
        )
        is_measured = simulations[0].mode == TRACE_DRIVEN or not plan.is_open
        curves = series.latency_curves(runs, from_start=is_measured)
        if simulations[0].mode == TRACE_DRIVEN:
            drawn = [(one, simulated(one, PREDICTED, delay_ns, node)) for one in recordings]
            checks += predicted_from_plan(compare_performance(drawn, overhead))
    return {
        "name": plan.name,
        "question": plan.question,
        "driver": plan.client.driver,
        "nodes": plan.nodes,
        "node_count": len(plan.scenario.node_names),
        "is_calibration": CALIBRATION in plan.name,
        "tiers": [tier for tier in ("T2", "T3") if any(check.tier == tier for check in checks)],
        "mode": simulations[0].mode,
        "sources": [list(source) for source in simulations[0].sources],
        "utilisation": use,
        "to_repeat": list(to_repeat),
        "recordings": [_about(one, i, shares) for i, one in enumerate(recordings)],
        "checks": [asdict(check) for check in checks],
        "timelines": series.timelines(*runs[0]),
        "latency_curves": curves,
        "region": _region(recordings[0]),
    }


def _in_place_of_the_plan_s(plan: Plan, known: Fitted) -> tuple[int | None, Node | None]:
    """The fitted network delay, and on bare nodes the fitted workers and service law."""
    if plan.nodes == "paced":
        return (known.overhead.delay_ns if known.overhead is not None else None), None
    if known.bare is None:
        return None, None
    return known.bare.delay_ns, Node(known.bare.workers, known.bare.law)


def _about(recording: Recording, place: int, shares: Sequence[float]) -> dict[str, Any]:
    stalls = find_stalls(recording)
    return {
        "name": recording.name,
        "date": recording.meta["date"],
        "driver_version": recording.meta["driver_version"],
        "cassandra_version": recording.meta["cassandra_version"],
        "command": recording.meta.get("command", ""),
        "requests": len(recording.observed.requests),
        "share_kept": shares[place] if place < len(shares) else None,
        "stalled_seconds": len(stalls.seconds),
        "late_issues": stalls.late_issues,
        "late_responses": stalls.late_responses,
        "silences": stalls.silences,
        "late_backends": recording.meta.get("late_backends"),
        "load_average": recording.meta.get("load_average"),
    }


def _region(recording: Recording) -> dict[str, Any]:
    """Where in the space of scenarios the plan lies (fidelity/validity.py)."""
    from poolsim.fidelity.validity import region_of

    return region_of(recording.plan.scenario)


def build(
    recordings: Sequence[Recording],
    decisions: Sequence[DriverDecisions],
    *,
    command: str,
    date: str,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """The whole document.

    Args:
        recordings: of all plans.
        decisions: replayed walks by driver.
        command: the command line.
        date: when, in UTC.
        progress: told of each plan before it is compared.
    """
    by_plan: dict[str, list[Recording]] = {}
    for recording in recordings:
        by_plan.setdefault(recording.plan.name, []).append(recording)
    known: dict[str, Fitted] = {}
    plans = []
    for name, own in by_plan.items():
        if progress is not None:
            progress(name)
        driver = own[0].plan.client.driver
        if driver not in known:
            known[driver] = fitted(recordings, driver)
        plans.append(compare_plan(own, known[driver]))
    document = {
        "format": FORMAT,
        "poolsim": __version__,
        "date": date,
        "command": command,
        "machine": machine(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "decisions": [asdict(row) for row in decisions],
        "overheads": {
            driver: asdict(one.overhead) | {"delay_ns": one.overhead.delay_ns}
            for driver, one in known.items()
            if one.overhead is not None
        },
        "bare": {
            driver: _bare_nodes(one.bare) for driver, one in known.items() if one.bare is not None
        },
        "plans": plans,
    }
    document["summary"] = summary(document)
    return document


def _bare_nodes(calibration: Calibration) -> dict[str, Any]:
    return {
        "recording": calibration.recording.name,
        "workers": calibration.workers,
        "law": law_text(calibration.law),
        "distance": calibration.candidates[0].distance,
        "misfit": calibration.misfit,
        "delay_ns": calibration.delay_ns,
    }


def summary(document: dict[str, Any]) -> dict[str, Any]:
    """What holds: walks by identity, plans of T2 by their worst figure, T3 by figure."""
    decisions = document["decisions"]
    mechanism = {HELD: 0, NOT_HELD: 0, NOT_MEASURABLE: 0}
    performance: dict[str, dict[str, int]] = {}
    for plan in document["plans"]:
        verdict = plan_verdict(plan, "T2")
        if verdict is not None:
            mechanism[verdict] += 1
        if plan["is_calibration"]:
            continue
        for check in plan["checks"]:
            if check["tier"] == "T3" and check["bar"] is not None:
                counts = performance.setdefault(check["key"], dict.fromkeys(mechanism, 0))
                counts[check["verdict"]] += 1
    return {
        "T1": {
            "walks": sum(row["walks"] for row in decisions),
            "identical": sum(row["identical"] for row in decisions),
            "operations": sum(row["operations"] for row in decisions),
        },
        "T2": mechanism,
        "T3": performance,
    }


def plan_verdict(plan: dict[str, Any], tier: str) -> str | None:
    """The verdict on a plan: of its worst figure with a bar; None where it has none of the tier."""
    verdicts = {
        check["verdict"]
        for check in plan["checks"]
        if check["tier"] == tier and check["bar"] is not None
    }
    return next((one for one in (NOT_HELD, NOT_MEASURABLE, HELD) if one in verdicts), None)


def machine() -> dict[str, Any]:
    """What the comparison ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def write(document: dict[str, Any], path: Path) -> None:
    """Write the document whole or not at all; numbers that are none become null."""
    text = json.dumps(_plain(document), indent=1, ensure_ascii=False, allow_nan=False)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text + "\n", encoding="utf-8")
    os.replace(partial, path)


def read(path: Path, expected: str = FORMAT) -> dict[str, Any]:
    """Read what `write` wrote, a document of the `expected` format.

    Raises:
        RecordingError: there is no such document.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from None
    if not isinstance(document, dict) or document.get("format") != expected:
        raise RecordingError(f"{path}: its format is not {expected!r}")
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
