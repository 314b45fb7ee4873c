"""Writes a run's directory: its data, and the report where wanted, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from poolsim.estimation.replication import RecordedReplication
from poolsim.estimation.results import Results
from poolsim.recording import files
from poolsim.report import machine, tables

RUNS = Path("runs")


def run_directory(results: Results, parent: Path = RUNS) -> Path:
    """Where a run is written unless told otherwise: `runs/<name>-<first 12 of inputs>`."""
    return files.run_directory(parent, results.scenario.name, results.inputs)


def write_run(results: Results, directory: Path | None, *, report: bool) -> Path:
    """Writes the run into `directory` (by default into `run_directory`) and gives its path.

    With `report`, `report.html` and the plots as single SVG files are among the files. An earlier
    run in the same place is replaced; raises FileExistsError where the place holds anything else,
    which would be lost.
    """
    target = run_directory(results) if directory is None else directory
    _refuse_to_replace_other_things(target)
    run = files.RunFiles(
        resolved=results.resolved,
        summary=machine.summary(results),
        timeline=(tables.columns_of(tables.timeline(one)) for one in results.replications),
        events=(tables.columns_of(tables.events(one)) for one in results.replications),
        requests=tuple(
            one.record.request_file
            for one in results.replications
            if isinstance(one, RecordedReplication) and one.record.request_file is not None
        ),
    )

    def add(building: Path) -> None:
        from poolsim.report.html import report_and_plots

        html, pictures = report_and_plots(results)
        (building / "report.html").write_text(html, encoding="utf-8")
        if pictures:
            (building / "plots").mkdir()
        for picture in pictures:
            (building / "plots" / f"{picture.name}.svg").write_text(picture.svg, encoding="utf-8")

    return files.write_run(target, results.scenario, run, add if report else None)


def _refuse_to_replace_other_things(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise FileExistsError(f"{target} is a file, not the directory of a run")
    if any(target.iterdir()) and not (target / "summary.json").is_file():
        raise FileExistsError(f"{target} holds other files than those of a run")
