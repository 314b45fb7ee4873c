"""Where to look first: settings from Little's law and Erlang's formulas, and a space around them.

A pool must hold what is in flight at the peak. Streams that are too few lose or delay requests with
the probability of Erlang's formulas, so the first guess is the least number of connections for
which that probability is small; the search begins there and corrects what the formulas leave out
(growth, two-stage queues, lost nodes).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from poolsim.fidelity.theory import erlang_b
from poolsim.planning.recommend.demand import Demand, demand_of
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.scenario import Client, Scenario

if TYPE_CHECKING:
    from poolsim.planning.recommend.question import Question
    from poolsim.planning.space import Parameter

_RARE = 1e-3
"""Probability of finding every stream taken that the first guess allows."""
_LEGACY = 2
"""The last protocol version with 128 streams a connection."""


def connections_needed(demand: Demand, max_requests: int) -> int:
    """The least number of connections of a pool whose streams are nearly never all taken."""
    if max_requests <= 0:
        return 1
    count = max(1, math.ceil(demand.per_pool / max_requests))
    while erlang_b(demand.per_pool, count * max_requests) > _RARE:
        count += 1
    return count


def default_search(scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """What to choose among where the file does not say: per client, around the first guess."""
    found: list[tuple[str, str]] = []
    for client in scenario.clients:
        if client.driver == "java3":
            found += _java3(scenario, client)
        elif client.protocol <= _LEGACY:
            found += _legacy_python(scenario, client)
        else:
            found += _python(scenario, client)
    return tuple(found)


def guessed_points(question: Question) -> list[int]:
    """The points nearest to the first guess: exactly enough, and a step more of everything."""
    guess = [_guess(question.base, one) for one in question.space.parameters]
    numbers = []
    for more in (0, 1):
        places = [
            min(place + more, len(parameter.texts) - 1)
            for place, parameter in zip(guess, question.space.parameters, strict=True)
        ]
        numbers.append(question.space.at(places).number)
    return numbers


def _guess(scenario: Scenario, parameter: Parameter) -> int:
    """The place of a parameter's value that the formulas ask for; the middle where they say
    nothing."""
    numbers = parameter.numbers
    middle = len(parameter.texts) // 2
    client = next((one for one in scenario.clients if _belongs(parameter, scenario, one)), None)
    if numbers is None or client is None:
        return middle
    demand = demand_of(scenario, client)
    wanted: float
    match parameter.paths[-1].rpartition(".")[2]:
        case "max" | "core":
            wanted = connections_needed(demand, client.options.local.max_requests)
        case "max_requests":
            wanted = demand.per_pool_high / max(client.options.local.max, 1)
        case "max_queue_size":
            wanted = 2.0 * math.sqrt(demand.per_pool_high)
        case "max_concurrent":
            wanted = demand.per_pool_high * demand.nodes
        case _:
            return middle
    return next((place for place, number in enumerate(numbers) if number >= wanted), middle)


def _belongs(parameter: Parameter, scenario: Scenario, client: Client) -> bool:
    place = scenario.clients.index(client)
    path = parameter.paths[0]
    return path.startswith((f"clients.{client.name}.", f"clients[{place}]."))


def _java3(scenario: Scenario, client: Client) -> list[tuple[str, str]]:
    demand = demand_of(scenario, client, nodes_lost=1)
    path = f"clients.{client.name}.options.pooling"
    streams = 128 if client.protocol <= _LEGACY else 32_768
    default = DRIVERS["java3"].defaults(client.protocol).local.max_requests
    sizes = [size for size in (default // 8, default // 2, default, 4 * default) if size <= streams]
    most = 2 * connections_needed(demand, max(default // 8, 1)) + 1
    counts = _counts(1, min(max(most, 4), 32))
    thresholds = sorted({max(1, size * 3 // 4) for size in sizes[:2]} | {client_threshold(client)})
    queues = sorted({64, 256, 1024, client.options.max_queue_size})
    timeouts = sorted({500_000_000, client.options.pool_timeout_ns})
    return [
        (f"{path}.local.core", _listed(_counts(1, min(max(most, 4), 32))[:4])),
        (f"{path}.local.max", _listed(counts)),
        (f"{path}.local.max_requests", _listed(sizes)),
        (f"{path}.local.new_connection_threshold", _listed(thresholds)),
        (f"{path}.max_queue_size", _listed(queues)),
        *([(f"{path}.pool_timeout", ",".join(f"{t // 1_000_000}ms" for t in timeouts))]
          if len(timeouts) > 1 else []),
    ]  # fmt: skip


def client_threshold(client: Client) -> int:
    """The threshold as it stands, at least 1."""
    return max(client.options.local.new_connection_threshold, 1)


def _legacy_python(scenario: Scenario, client: Client) -> list[tuple[str, str]]:
    demand = demand_of(scenario, client, nodes_lost=1)
    path = f"clients.{client.name}.options.pooling.local"
    most = max(2 * connections_needed(demand, 100), 8)
    return [
        (f"{path}.core", _listed(_counts(1, min(most, 16)))),
        (f"{path}.max", _listed(_counts(1, min(most, 32)))),
        (f"{path}.max_requests", "32,64,100,127"),
    ]


def _python(scenario: Scenario, client: Client) -> list[tuple[str, str]]:
    """One connection per host: what is left to choose is how many processes, and how much each
    lets through."""
    demand = demand_of(scenario, client, nodes_lost=1)
    per_second = demand.rate_per_s or 0.0
    # One I/O thread a process: it can do no more than a second's work in a second.
    least = max(1, math.ceil(per_second * (client.per_request_ns + client.issue_ns) * 1e-9))
    most = max(4 * least, 2 * client.instances, 4)
    limits = [math.ceil(demand.in_flight * factor) for factor in (0.5, 1, 2, 4)]
    return [
        (f"clients.{client.name}.instances", _listed(_counts(least, most))),
        (f"clients.{client.name}.limit.max_concurrent", _listed(max(one, 1) for one in limits)),
    ]


def _counts(low: int, high: int) -> list[int]:
    """Whole numbers from low to high, single steps first, then in ratios of about 1.4."""
    found, number = [], low
    while number < high:
        found.append(number)
        number = max(number + 1, round(number * 1.4))
    return [*found, high]


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(str(number) for number in dict.fromkeys(sorted(numbers)))
