"""Where to look first: settings from Little's law and Erlang's formulas, and a space around them.

A pool must hold what is in flight at the peak. Streams that are too few lose or delay requests with
the probability of Erlang's formulas, so the first guess is the least number of connections for
which that probability is small; the search begins there and corrects what the formulas leave out
(growth, two-stage queues, lost nodes).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from poolsim.fidelity.theory import erlang_b
from poolsim.planning.recommend.demand import Demand, busiest_thread_s, demand_of
from poolsim.planning.recommend.variants import with_headroom
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.scenario import Client, Scenario

if TYPE_CHECKING:
    from poolsim.planning.recommend.question import Question
    from poolsim.scenario.parameters import Parameter

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
        found += _SEARCHES.get(client.driver, _python)(scenario, client)
    return tuple(found)


def guessed_points(question: Question) -> list[int]:
    """The points nearest to the first guess: exactly enough, and a step more of everything."""
    asked = with_headroom(question.base)
    guess = [_guess(asked, one) for one in question.space.parameters]
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
    most = min(max(2 * connections_needed(demand, max(default // 8, 1)) + 1, 4), 32)
    counts = _counts(1, most)
    # What the file has is always among the choices: it may be right already.
    local = client.options.local
    thresholds = sorted({max(1, size * 3 // 4) for size in sizes[:2]} | {client_threshold(client)})
    queues = sorted({64, 256, 1024, client.options.max_queue_size})
    timeouts = sorted({500_000_000, client.options.pool_timeout_ns})
    instances = _instances(client, demand)
    if instances:
        # A space that can be looked through: what instances do to pools is worth more than these.
        thresholds = sorted({thresholds[0], client_threshold(client)})
        timeouts = []
    return [
        *instances,
        (f"{path}.local.core", _listed([*counts[:4], local.core])),
        (f"{path}.local.max", _listed([*counts, local.max])),
        (f"{path}.local.max_requests", _listed([*sizes, local.max_requests])),
        (f"{path}.local.new_connection_threshold", _listed(thresholds)),
        (f"{path}.max_queue_size", _listed(queues)),
        *([(f"{path}.pool_timeout", ",".join(f"{t // 1_000_000}ms" for t in timeouts))]
          if len(timeouts) > 1 else []),
    ]  # fmt: skip


def _instances(client: Client, demand: Demand) -> list[tuple[str, str]]:
    """How many processes, where the file says nothing of them but what a request costs one.

    A fleet that the file gives (`instances: 12`) is there for other reasons than its pools, and
    stays; without the cost of a request nothing is known of how much one process can do.
    """
    least = _fewest_instances(client, demand)
    if client.instances > 1 or not client.per_request_ns or least == 1:
        return []
    return [(f"clients.{client.name}.instances", _listed([client.instances, least, 2 * least]))]


def _fewest_instances(client: Client, demand: Demand) -> int:
    """One process issues by one thread and answers by its I/O threads: neither does more than a
    second's work in a second."""
    return max(1, math.ceil((demand.rate_per_s or 0.0) * busiest_thread_s(client)))


def client_threshold(client: Client) -> int:
    """The threshold as it stands, at least 1."""
    return max(client.options.local.new_connection_threshold, 1)


def _legacy_python(scenario: Scenario, client: Client) -> list[tuple[str, str]]:
    demand = demand_of(scenario, client, nodes_lost=1)
    path = f"clients.{client.name}.options.pooling.local"
    most = max(2 * connections_needed(demand, 100), 8)
    return [
        (f"{path}.core", _listed([*_counts(1, min(most, 16)), client.options.local.core])),
        (f"{path}.max", _listed([*_counts(1, min(most, 32)), client.options.local.max])),
        (f"{path}.max_requests", _listed([32, 64, 100, 127, client.options.local.max_requests])),
    ]


def _python(scenario: Scenario, client: Client) -> list[tuple[str, str]]:
    legacy = client.protocol <= _LEGACY
    return _legacy_python(scenario, client) if legacy else _processes(scenario, client)


def _processes(scenario: Scenario, client: Client) -> list[tuple[str, str]]:
    """One connection per host: what is left to choose is how many processes, and how much each
    lets through."""
    demand = demand_of(scenario, client, nodes_lost=1)
    least = _fewest_instances(client, demand)
    most = max(4 * least, 2 * client.instances, 4)
    limits = [max(math.ceil(demand.in_flight * factor), 1) for factor in (0.5, 1, 2, 4)]
    limits += [client.max_concurrent] * bool(client.max_concurrent)
    return [
        (f"clients.{client.name}.instances", _listed([*_counts(least, most), client.instances])),
        (f"clients.{client.name}.limit.max_concurrent", _listed(limits)),
    ]


def _nodejs(scenario: Scenario, client: Client) -> list[tuple[str, str]]:
    """Pools of one size that reject what they have no room for: how many connections, how many
    requests on each, and how many processes."""
    demand = demand_of(scenario, client, nodes_lost=1)
    path = f"clients.{client.name}.options.pooling"
    local = client.options.local
    streams = 128 if client.protocol <= _LEGACY else 32_768
    default = DRIVERS["nodejs"].defaults(client.protocol).local.max_requests
    sizes = [size for size in (default // 4, default, 4 * default) if size <= streams]
    most = min(max(2 * connections_needed(demand, max(local.max_requests, 1)), 4), 32)
    return [
        *_instances(client, demand),
        (f"{path}.local.core", _listed([*_counts(1, most), local.core])),
        (f"{path}.max_requests", _listed([*sizes, local.max_requests])),
    ]


def _cassandraorm(scenario: Scenario, client: Client) -> list[tuple[str, str]]:
    """How many connections a pool begins with, and how many requests each carries."""
    demand = demand_of(scenario, client, nodes_lost=1)
    path = f"clients.{client.name}.options.pooling"
    local = client.options.local
    default = DRIVERS["nodejs"].defaults(client.protocol).local.max_requests
    most = min(max(2 * connections_needed(demand, max(local.max_requests, 1)), 4), 32)
    if local.max > local.core:
        most = min(most, local.max)
    return [
        *_instances(client, demand),
        (f"{path}.coreConnectionsPerHost.0", _listed([*_counts(1, most), local.core])),
        (f"{path}.maxRequestsPerConnection", _listed([default, local.max_requests])),
    ]


_SEARCHES: dict[str, Callable[[Scenario, Client], list[tuple[str, str]]]] = {
    "java3": _java3,
    "python": _python,
    "nodejs": _nodejs,
    "cassandraorm": _cassandraorm,
}
"""By driver; every other one is taken for one with a connection per host, as `python`."""


def _counts(low: int, high: int) -> list[int]:
    """Whole numbers from low to high, single steps first, then in ratios of about 1.4."""
    found, number = [], low
    while number < high:
        found.append(number)
        number = max(number + 1, round(number * 1.4))
    return [*found, high]


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(str(number) for number in dict.fromkeys(sorted(numbers)))
