"""A sweep in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolsim.planning.sweep import SweepResults

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Swept:
    """All points of a sweep."""

    results: SweepResults

    @property
    def points(self) -> pandas.DataFrame:
        """A row a point: its values (SI units where they are quantities), status, cost, and mean
        and half-width of each metric."""
        return self.results.frame()

    @property
    def front(self) -> pandas.DataFrame:
        """The points of the Pareto front, by the first objective."""
        return self.points.loc[list(self.results.front)]

    @property
    def knee(self) -> dict[str, str] | None:
        """The values of the front's knee by path, None where it has none."""
        number = self.results.knee
        if number is None:
            return None
        labels = [one.label for one in self.results.plan.space.parameters]
        texts = self.results.points[number].loaded.point.texts
        return dict(zip(labels, texts, strict=True))

    def plot(self, metric: str = "latency.p99") -> Figure:
        """A heat map of a metric, or of `cost`, over the first two parameters."""
        from poolsim.report.planning.sweep_plots import heat_map
        from poolsim.scenario.metrics import with_defaults

        return heat_map(self.results, metric if metric == "cost" else with_defaults(metric))

    def plot_front(self) -> Figure:
        """All points by the two objectives, with the front."""
        from poolsim.report.planning.sweep_plots import front_plot

        return front_plot(self.results)

    def _repr_html_(self) -> str:
        names = [one.label for one in self.results.plan.space.parameters]
        shown = self.points[[*names, "status", *dict.fromkeys(self.results.plan.objectives)]]
        shown = shown.rename(columns={name: name.rpartition(".")[2] for name in names})
        return str(shown.to_html(max_rows=12, index=False, float_format="{:.4g}".format))
