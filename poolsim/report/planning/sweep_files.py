"""What a sweep leaves in its directory, each file whole or not at all."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

from poolsim import __version__
from poolsim.planning.sweep import SweepResults
from poolsim.recording.files import run_directory
from poolsim.recording.whole_file import write_whole
from poolsim.report.canvas import settings
from poolsim.report.planning.sweep_plots import front_plot, heat_map, svg

SWEEPS = Path("sweeps")
SCHEMA_VERSION = 1


def sweep_directory(name: str, identity: str) -> Path:
    """Where a sweep lies unless told otherwise: `sweeps/<name>-<first 12 of its identity>`."""
    return run_directory(SWEEPS, name, identity)


def write_sweep(results: SweepResults, directory: Path, *, plots: bool) -> list[str]:
    """Write `sweep.parquet`, `sweep.csv`, `summary.json` and the plots; gives their names."""
    frame = results.frame()
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    files: dict[str, bytes | str] = {
        "sweep.parquet": parquet.getvalue(),
        "sweep.csv": frame.to_csv(index=False, lineterminator="\n"),
        "summary.json": json.dumps(summary(results), indent=2, ensure_ascii=False) + "\n",
    }
    if plots and results.plan.space.parameters:
        with settings("sweep"):
            for metric in dict.fromkeys(("cost", *results.plan.objectives)):
                files[f"heat-map-{metric}.svg"] = svg(heat_map(results, metric), metric)
            files["front.svg"] = svg(front_plot(results), "front")
    for name, content in files.items():
        write_whole(directory / name, content)
    return list(files)


def summary(results: SweepResults) -> dict[str, Any]:
    """The sweep as a document of plain JSON types; the tables hold the numbers of each point."""
    plan = results.plan
    statuses = [point.status for point in results.points]
    return {
        "schema_version": SCHEMA_VERSION,
        "name": plan.base.name,
        "sweep": plan.identity,
        "parameters": [
            {"label": one.label, "paths": list(one.paths), "values": list(one.texts)}
            for one in plan.space.parameters
        ],
        "fixed": list(plan.space.fixed),
        "objectives": list(plan.objectives),
        "cost": plan.cost.text,
        "points": len(results.points),
        "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
        "front": [point_summary(results, number) for number in results.front],
        "knee": None if results.knee is None else point_summary(results, results.knee),
        "versions": {"poolsim": __version__},
    }


def point_summary(results: SweepResults, number: int) -> dict[str, Any]:
    """One point: its values and its objectives."""
    swept = results.points[number]
    objectives = {name: swept.estimate(name).mean for name in results.plan.objectives}
    return {
        "point": number,
        "values": dict(
            zip(
                (one.label for one in results.plan.space.parameters),
                swept.loaded.point.texts,
                strict=True,
            )
        ),
        "objectives": {
            name: None if math.isnan(value) else value for name, value in objectives.items()
        },
    }
