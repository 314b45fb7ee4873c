"""A question in words, before anything is simulated: what is chosen among, what must hold and when.

Also which settings are chosen among where a file does not say (`default_settings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poolsim.planning.recommend.advice import advice_before
from poolsim.planning.recommend.first_guess import default_search
from poolsim.planning.recommend.question import Question
from poolsim.planning.recommend.search import budget
from poolsim.planning.recommend.variants import NODE_LOST, lost_node
from poolsim.scenario.load import load_text
from poolsim.scenario.units import format_share


@dataclass(frozen=True, slots=True)
class Asked:
    """What `recommend` would look for.

    `parameters`: the values to choose among by path, those of `own` being the file's; `origin`:
    who said so; `fixed`: `PATH=VALUE` that replace the file's; `settings`, `at_most`: how many
    combinations there are, and how many of them are simulated at most; `circumstances`: a sentence
    each, in which all expectations must hold.
    """

    name: str
    parameters: Mapping[str, tuple[str, ...]]
    own: Mapping[str, str | None]
    origin: str
    fixed: tuple[str, ...]
    settings: int
    at_most: int
    replications: int
    expectations: tuple[str, ...]
    circumstances: tuple[str, ...]
    cost: str
    is_default_cost: bool
    peak: str
    headroom: str
    advice: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return {
            "name": self.name,
            "search": {label: list(texts) for label, texts in self.parameters.items()},
            "in_the_file": dict(self.own),
            "search_from": self.origin,
            "fixed": list(self.fixed),
            "settings": self.settings,
            "simulated_at_most": self.at_most,
            "replications": self.replications,
            "expect": list(self.expectations),
            "circumstances": list(self.circumstances),
            "cost": self.cost,
            "peak": self.peak,
            "headroom": self.headroom,
            "advice": list(self.advice),
        }


def asked(question: Question) -> Asked:
    """A question in words."""
    base, space = question.base, question.space
    own = {
        parameter.label: None if place is None else parameter.texts[place]
        for parameter, place in zip(space.parameters, question.own_places, strict=True)
    }
    return Asked(
        name=base.name,
        parameters={parameter.label: parameter.texts for parameter in space.parameters},
        own=own,
        origin=question.origin,
        fixed=space.fixed,
        settings=len(space),
        at_most=budget(len(space)),
        replications=base.replications.count,
        expectations=tuple(one.text for one in base.expectations),
        circumstances=tuple(_circumstances(question)),
        cost=question.cost.text,
        is_default_cost=not base.plan.cost,
        peak=question.peak,
        headroom=format_share(base.plan.headroom),
        advice=tuple(advice_before(base, space.parameters)),
    )


def _circumstances(question: Question) -> list[str]:
    faults = question.base.faults
    own = f" (with the file's {len(faults)} fault{'s' * (len(faults) > 1)})" if faults else ""
    sentences = []
    for variant in question.variants:
        if variant.name == NODE_LOST:
            _, name = lost_node(question.base)
            sentences.append(
                f"{variant.name}: {name} is stopped before the first request and does not come "
                "back; the others carry its load to the end of the run, and the same period is "
                "judged"
            )
        else:
            sentences.append(f"{variant.name}{own}")
    return sentences


_EXAMPLE = """
duration: 10s
cluster:
  datacenters: {{dc1: {{nodes: 3}}}}
  node: {{service: {{constant: 2ms}}}}
clients:
  - name: api
    driver: {driver}
    protocol: {protocol}
    cpu: {{issue: 10us, per_request: {per_request}}}
    load: {{poisson: {{rate: 20k/s}}}}
"""


def default_settings(driver: str, protocol: str, *, with_cpu: bool = True) -> tuple[str, ...]:
    """Paths below a client of what is chosen among where neither the file nor `--set` says so, for
    a driver and protocol version; `with_cpu`: where `cpu.per_request` is said,
    and more than one process can do."""
    per_request = "200us" if with_cpu else "0s"
    text = _EXAMPLE.format(driver=driver, protocol=protocol, per_request=per_request)
    scenario = load_text(text)
    return tuple(path.removeprefix("clients.api.") for path, _ in default_search(scenario))
