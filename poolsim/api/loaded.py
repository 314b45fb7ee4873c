"""A scenario in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poolsim.api.html import table
from poolsim.planning.points import Load, from_file, from_text
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Scenario
from poolsim.scenario.warnings import warnings_of

if TYPE_CHECKING:
    from poolsim.api.recommended import Recommended
    from poolsim.api.run import Run
    from poolsim.api.swept import Swept

Values = Mapping[str, object]
"""Values by path: `{"clients.api.options.pooling.local.max": 4}`; for what varies a text such as
`"1..8"`, or a list."""


@dataclass(frozen=True)
class LoadedScenario:
    """A checked scenario. Immutable: `with_values` gives another one."""

    scenario: Scenario
    source: Load
    name: str
    """The file it came from, or "scenario"."""
    overrides: tuple[str, ...] = ()

    def with_values(self, values: Values) -> LoadedScenario:
        """The same with some values replaced, by path.

        Raises ScenarioError, as `load` does.
        """
        overrides = (*self.overrides, *overrides_of(values))
        return LoadedScenario(self.source(overrides), self.source, self.name, overrides)

    @property
    def resolved(self) -> str:
        """The whole scenario as YAML, every default filled in."""
        return to_yaml(self.scenario)

    @property
    def warnings(self) -> list[str]:
        """What cannot do what it seems to, a sentence each."""
        return warnings_of(self.scenario)

    def run(
        self, *, seed: int | None = None, replications: int | None = None, jobs: int | None = 1
    ) -> Run:
        """Simulate all replications and judge the expectations.

        Args:
            seed: of every random draw; the scenario's own by default.
            replications: the scenario's own number by default.
            jobs: processes at most; results do not depend on it.
        """
        from poolsim.api.run import Run
        from poolsim.estimation.run import run_scenario

        chosen = self.with_values(_given(seed=seed, replications=replications))
        results = run_scenario(
            chosen.scenario,
            source=self.name,
            overrides=chosen.overrides,
            jobs=jobs,
            warnings=tuple(chosen.warnings),
        )
        return Run(results)

    def sweep(
        self,
        values: Values,
        *,
        metrics: Sequence[str] = (),
        objectives: Sequence[str] = ("cost", "latency.p99"),
        directory: Path | str | None = None,
        jobs: int | None = 1,
        dask: str = "",
    ) -> Swept:
        """Simulate every combination of some values under the same draws.

        Args:
            values: what varies, `{"clients.api.instances": "1..8"}`.
            metrics: kept of each point besides the usual ones.
            objectives: two metrics (or `cost`) that the Pareto front weighs.
            directory: where finished points are kept, so that an interrupted sweep goes on.
            jobs: processes at most; results do not depend on it.
            dask: the address of a dask scheduler, whose workers are used instead.
        """
        from poolsim.api.swept import Swept
        from poolsim.planning.execute import Executor
        from poolsim.planning.space import parse_space
        from poolsim.planning.sweep import plan_sweep, run_sweep

        space = parse_space([*self.overrides, *overrides_of(values)])
        plan = plan_sweep(self.source, space, metrics, objectives)
        place = None if directory is None else Path(directory)
        return Swept(run_sweep(plan, Executor(jobs, dask), place))

    def recommend(
        self, values: Values | None = None, *, jobs: int | None = 1, dask: str = ""
    ) -> Recommended:
        """Find the cheapest settings that meet the expectations.

        Args:
            values: what to choose among; by default the scenario's `search:`, or what matters for
                its drivers.
            jobs: processes at most; the answer does not depend on it.
            dask: the address of a dask scheduler.
        """
        from poolsim.api.recommended import Recommended
        from poolsim.planning.execute import Executor
        from poolsim.planning.recommend.question import ask
        from poolsim.planning.recommend.run import recommend

        question = ask(self.source, [*self.overrides, *overrides_of(values or {})])
        return Recommended(recommend(question, Executor(jobs, dask)))

    def _repr_html_(self) -> str:
        one = self.scenario
        rows = [
            ("question", one.question),
            ("duration", f"{one.duration_ns / 1e9:g} s"),
            ("nodes", ", ".join(one.node_names[:12]) + (" …" if len(one.node_names) > 12 else "")),
            ("clients", ", ".join(f"{c.name} ({c.instances} x {c.driver})" for c in one.clients)),
            ("expected", ", ".join(e.text for e in one.expectations)),
            *(("warning", warning) for warning in self.warnings),
        ]
        return table(("", one.name), rows)


def load(scenario: Path | str) -> LoadedScenario:
    """Load a scenario from a file, or from a text (one with a line break is a text).

    Raises ScenarioError with every mistake, each with its line and column.
    """
    if isinstance(scenario, str) and "\n" in scenario:
        source = from_text(scenario, "scenario.yaml")
        return LoadedScenario(source(()), source, "scenario.yaml")
    source = from_file(scenario)
    return LoadedScenario(source(()), source, str(scenario))


def overrides_of(values: Values) -> list[str]:
    """`PATH=VALUES` of a mapping; a list of values is written with commas."""
    return [f"{path}={_text(value)}" for path, value in values.items()]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | range):
        return ",".join(_text(one) for one in value)
    return str(value)


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
