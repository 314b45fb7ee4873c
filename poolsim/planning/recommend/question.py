"""What is asked: settings to choose among, circumstances, expectations, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from poolsim.planning.evaluate import kept_metrics
from poolsim.planning.points import Load, LoadedPoint, load_point
from poolsim.planning.recommend.first_guess import default_search
from poolsim.planning.recommend.variants import Variant, variants_of, with_headroom
from poolsim.planning.space import Space, parse_space
from poolsim.planning.sweep import peak_of
from poolsim.recording.digest import inputs_hash
from poolsim.scenario.cost import Cost, default_cost, parse_cost
from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.parameters import Parameter, parse_parameter
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Scenario

MOST_POINTS = 20_000
"""Of a space to choose from: every point is compared with every one simulated."""

FROM_COMMAND_LINE = "as --set says"
FROM_FILE = "as the file's search: says"
FROM_DRIVERS = "what matters for the drivers: neither search: nor --set says anything else"


@dataclass(frozen=True)
class Question:
    """A scenario and the space to choose from. Points are loaded when they are asked for."""

    source: Load
    base: Scenario
    space: Space
    variants: tuple[Variant, ...]
    cost: Cost
    metrics: tuple[str, ...]
    peak: str
    """The phase that settings are chosen for, "" for the whole run."""
    origin: str = FROM_COMMAND_LINE
    """Who said what to choose among."""
    _loaded: dict[int, LoadedPoint] = field(default_factory=dict, repr=False)

    def loaded(self, number: int) -> LoadedPoint:
        """A point with its scenario, or why the driver refuses it."""
        if number not in self._loaded:
            point = self.space.at(self.places(number))
            self._loaded[number] = load_point(self.source, point)
        return self._loaded[number]

    def scenario(self, number: int) -> Scenario:
        """The scenario of a point that is not refused, under the load that it is to bear."""
        scenario = self.loaded(number).scenario
        assert scenario is not None, "the driver refuses this point"
        return with_headroom(scenario)

    @property
    def factor(self) -> float:
        """Of all loads: how many times as high as in the file they are to be borne."""
        return 1.0 + self.base.plan.headroom

    def places(self, number: int) -> tuple[int, ...]:
        """The places of a point in the parameters' lists."""
        places = []
        for size in reversed(self.space.shape):
            number, place = divmod(number, size)
            places.append(place)
        return tuple(reversed(places))

    @cached_property
    def own_places(self) -> tuple[int | None, ...]:
        """By parameter, the place of the value that the file has already; None where the space has
        not got it."""
        return tuple(self._own_place(parameter) for parameter in self.space.parameters)

    def _own_place(self, parameter: Parameter) -> int | None:
        for place, text in enumerate(parameter.texts):
            try:
                same = self.source([*self.space.fixed, *parameter.overrides(text)])
            except ScenarioError:
                continue  # alone, the value does not fit the rest of the file
            if same == self.base:
                return place
        return None

    def changes(self, number: int) -> int:
        """How many parameters have another value at a point than in the file."""
        pairs = zip(self.places(number), self.own_places, strict=True)
        return sum(place != own for place, own in pairs)

    @property
    def resolved(self) -> str:
        """The base scenario with every default filled in, as YAML."""
        return to_yaml(self.base)

    @property
    def inputs(self) -> str:
        """The hash of all that decides the answer: base scenario with its plan, space, model."""
        return inputs_hash("\n".join([self.resolved, *self.space.fixed, *self.settings]))

    @property
    def settings(self) -> tuple[str, ...]:
        """What is chosen among, as `PATH=VALUES` that say the same again."""
        return tuple(f"{one.label}={','.join(one.texts)}" for one in self.space.parameters)

    def number_of(self, values: Mapping[str, str]) -> int | None:
        """The point with these values by parameter label, None where the space has none."""
        places = []
        for parameter in self.space.parameters:
            text = values.get(parameter.label)
            if text is None or text not in parameter.texts:
                return None
            places.append(parameter.texts.index(text))
        return self.space.at(places).number


NOTHING_EXPECTED = (
    "expect: nothing is expected: say what settings must achieve, such as rejected == 0 or "
    "latency.p99 < 20ms"
)


def ask(source: Load, settings: Sequence[str] = ()) -> Question:
    """The question of a scenario.

    `settings` (`PATH=VALUES`) say what to choose among; without any that varies, the scenario's
    own `search:` does, and without one the settings that matter for its drivers. What has one value
    in `settings` is not chosen any more.

    Raises ScenarioError where the scenario has mistakes or expects nothing, or the space is too
    large.
    """
    given = parse_space(settings)
    base = source(given.fixed)
    if not base.expectations:
        raise _wrong(base, NOTHING_EXPECTED)
    origin = FROM_COMMAND_LINE
    if given.parameters:
        space = given
    else:
        origin = FROM_FILE if base.plan.search else FROM_DRIVERS
        search = base.plan.search or default_search(with_headroom(base))
        space = parse_space([*given.fixed, *_left_to_choose(search, given.fixed)])
    if not space.parameters:
        raise _wrong(base, "search: nothing varies: write {PATH: VALUES} with several values")
    if len(space) > MOST_POINTS:
        raise _wrong(
            base, f"search: {len(space):,} combinations, at most {MOST_POINTS:,}: fewer values"
        )
    peak = peak_of(base)
    cost = parse_cost(base.plan.cost or default_cost(peak))
    metrics = kept_metrics(base, [*cost.metrics, *_peak_metrics(base, peak)])
    return Question(source, base, space, variants_of(base), cost, metrics, peak, origin)


def _left_to_choose(search: Sequence[tuple[str, str]], fixed: Sequence[str]) -> list[str]:
    """`PATH=VALUES` of a search without the paths that were given one value."""
    pinned = {override.partition("=")[0] for override in fixed}
    found = []
    for path, values in search:
        setting = f"{path}={values}"
        if not pinned.intersection(parse_parameter(setting).paths):
            found.append(setting)
    return found


def _peak_metrics(scenario: Scenario, peak: str) -> list[str]:
    """What the explanation looks at."""
    suffix = f"@{peak}" if peak else ""
    names = (
        "in_flight.max", "in_flight.mean", "open_connections.max", "open_connections.mean",
        "request_queue_depth.max", "throughput", "wait.p99", "latency.p99",
    )  # fmt: skip
    found = [f"{name}{suffix}" for name in names]
    for client in scenario.clients:
        phases = [phase.name for phase in client.load.phases]
        own = suffix if peak in phases else ""
        found += [f"{client.name}/{name}{own}" for name in names]
    return found


def _wrong(scenario: Scenario, message: str) -> ScenarioError:
    name = str(scenario.path) if scenario.path else "scenario.yaml"
    return ScenarioError([Mistake(name, 1, 1, "", message)])
