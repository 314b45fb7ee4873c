"""A run in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poolsim.api.html import table
from poolsim.estimation.results import Estimate, Results, Verdict
from poolsim.report.units import estimate_text

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Run:
    """All replications of a scenario. `results` holds everything, in SI units."""

    results: Results

    def __getitem__(self, metric: str) -> Estimate:
        """Mean and half-width of a metric by name: `run["latency.p99"].mean`, SI units."""
        from poolsim.scenario.metrics import with_defaults

        return self.results.estimates[with_defaults(metric)]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """How each expectation ended."""
        return self.results.verdicts

    @property
    def passed(self) -> bool:
        """Whether every expectation holds."""
        return self.results.exit_code == 0

    @property
    def metrics(self) -> pandas.DataFrame:
        """A row a metric: `mean`, `half_width` (95 %), `count`, `unit`."""
        import pandas

        rows = {
            name: (one.mean, one.half_width, one.count, one.unit)
            for name, one in sorted(self.results.estimates.items())
        }
        columns = ["mean", "half_width", "count", "unit"]
        return pandas.DataFrame.from_dict(rows, orient="index", columns=columns)

    @property
    def timeline(self) -> pandas.DataFrame:
        """Of the first replication: a row per interval, client and node; columns as
        `poolsim.estimation.results.Replication`."""
        return self.results.replications[0].timeline

    @property
    def events(self) -> pandas.DataFrame:
        """Of the first replication: a row an event."""
        return self.results.replications[0].events

    def write(self, directory: Path | str | None = None, *, report: bool = True) -> Path:
        """Write the run as `poolsim run` does; gives the directory."""
        from poolsim.report.write import write_run

        place = None if directory is None else Path(directory)
        return write_run(self.results, place, report=report)

    def plot(self, column: str = "active") -> Figure:
        """A column of the timeline over time, summed over hosts, a line a client.

        Columns: active, trashed, connecting, in_flight, max_load, pending, orphaned, rejected,
        sent, requests, errors.
        """
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        timeline = self.timeline
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        axes = figure.subplots()
        for client, rows in timeline.groupby("client", sort=False):
            summed = rows.groupby("end_s")[column].sum()
            axes.step(summed.index, summed.to_numpy(), where="pre", label=str(client))
        # Everything in these columns is counted.
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("time (s)")
        axes.set_ylabel(column.replace("_", " "))
        axes.set_title(f"{self.results.scenario.name}: first replication")
        axes.grid(True, alpha=0.3)
        axes.legend(frameon=False)
        return figure

    def _repr_html_(self) -> str:
        rows = [
            (one.text, one.status, estimate_text(one.estimate), one.reason) for one in self.verdicts
        ]
        text = table(("expectation", "", "measured", ""), rows)
        return f"{text}<small>{self.results.reproduce}</small>"
