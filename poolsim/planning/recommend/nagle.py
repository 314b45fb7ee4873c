"""Whether it is Nagle's algorithm that no setting meets a latency.

The Python driver leaves TCP_NODELAY off, so a request may wait for the acknowledgement of another
one, 40 ms at most: no number of processes changes that, and nobody looks for it. Whether it is the
reason is not guessed but simulated: the nearest setting once more, with the option on.
"""

from __future__ import annotations

from dataclasses import replace

from poolsim.planning.evaluate import Task, overall
from poolsim.planning.execute import Executor
from poolsim.planning.recommend.evidence import Evidence
from poolsim.planning.recommend.question import Question
from poolsim.scenario.scenario import Client, Scenario

LARGEST_LIMIT_S = 0.060
"""A limit that a wait of 40 ms for an acknowledgement leaves little of."""
_DRIVER = "python"
_OWN_NAME = "Cluster(sockopts=[(IPPROTO_TCP, TCP_NODELAY, 1)])"


def nagle_advice(
    question: Question, evidence: Evidence, number: int, executor: Executor
) -> list[str]:
    """A sentence, where a point that breaks a short latency meets every expectation without Nagle's
    algorithm; one evaluation more."""
    scenario = question.scenario(number)
    held_back = [client for client in scenario.clients if _is_held_back(client)]
    broken = [
        expectation.text
        for verdicts in evidence.verdicts(number)
        for expectation, verdict in zip(question.base.expectations, verdicts, strict=True)
        if verdict.status != "passed"
        and expectation.metric == "latency"
        and expectation.comparison in ("<", "<=")
        and expectation.value < LARGEST_LIMIT_S
    ]
    if not held_back or not broken:
        return []
    without = _without_nagle(scenario)
    tasks = [
        Task(place, variant.of(without), question.metrics, count=evidence.asked_replications)
        for place, variant in enumerate(question.variants)
    ]
    outcomes = [outcome for _, outcome in executor.run(tasks)]
    verdicts = [one for outcome in outcomes for one in outcome.verdicts(question.base.expectations)]
    if overall(verdicts) != "passed":
        return []
    names = ", ".join(client.name for client in held_back)
    return [
        f"{names}: it is Nagle's algorithm: the Python driver leaves TCP_NODELAY off, and a "
        f"request may wait 40 ms for an acknowledgement, which {broken[0]} has no room for. With "
        f"it on, the nearest setting meets every expectation: {_OWN_NAME}; here options: "
        "{tcp_nodelay: true}"
    ]


def _is_held_back(client: Client) -> bool:
    return client.driver == _DRIVER and not client.options.tcp_nodelay


def _without_nagle(scenario: Scenario) -> Scenario:
    clients = tuple(
        replace(client, options=replace(client.options, tcp_nodelay=True))
        if _is_held_back(client)
        else client
        for client in scenario.clients
    )
    return replace(scenario, clients=clients)
