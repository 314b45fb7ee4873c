"""Plans of the real Node.js driver's default load balancing: the rules arrange every one alike.

`traces/nodejs-plans.jsonl.gz` was written by `harness/nodejs/plans.js 3000 5` (its first half) with
cassandra-driver 4.8.0: the real policy over hosts whose state was drawn, with the numbers that it
got from Math.random.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from poolsim.engine.draws import Draws
from poolsim.model.build import build
from poolsim.model.policies.nodejs_default import WINDOW, arrange_replicas, next_arranged
from poolsim.model.records import World
from tests.model.nodejs_scenarios import MS, SECOND, scenario

RECORDED = Path(__file__).parent / "traces" / "nodejs-plans.jsonl.gz"
NOW = 1_000 * SECOND + 50 * MS

Line = dict[str, Any]


@cache
def recorded() -> tuple[Line, ...]:
    text = gzip.decompress(RECORDED.read_bytes()).decode("utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


@cache
def world(nodes: int, replicas: int) -> World:
    return build(scenario(nodes=nodes, replication=replicas), Draws(1, 0))


def drawn(randoms: list[float], shuffled: int) -> int:
    """The number whose remainders are the choices that the driver made of its random numbers."""
    left = list(randoms)
    choices = [(left.pop(0), i + 1) for i in range(shuffled - 1, 0, -1)]
    code = int(left[0] * 4) if left else 0
    for chance, among in reversed(choices):
        code = code * among + int(chance * among)
    return code


def arranged(line: Line) -> list[int]:
    """The replicas of a plan in the rules' order."""
    w = world(len(line["hosts"]), line["replicas"])
    for node, state in enumerate(line["hosts"]):
        host = w.hosts[node]
        host.up = int(state["up"])
        since = state["up_for_ms"]
        host.up_since = -1 if since is None else NOW - since * MS
        host.window, host.answers, host.answers_before = NOW // WINDOW, state["answers"], 0
        w.pools[node].in_flight = state["in_flight"]
    r = w.add_request()
    request = w.requests[r]
    request.issued = NOW
    up = sum(host["up"] for host in line["hosts"][: line["replicas"]])
    request.plan_code = drawn(line["randoms"], up)
    arrange_replicas(w, r)
    found = []
    while (p := next_arranged(w, r)) >= 0:
        found.append(w.pools[p].node)
    return found


def test_replicas_come_in_the_driver_s_order() -> None:
    for line in recorded():
        found = arranged(line)
        assert found == line["plan"][: len(found)], line


def test_the_other_hosts_follow_in_turn() -> None:
    for line in recorded():
        found = arranged(line)
        others = [n for n, host in enumerate(line["hosts"]) if host["up"] and n not in found]
        assert line["plan"][len(found) :] == others, line


def test_the_plans_hold_what_they_are_for() -> None:
    """Enough replicas to be rearranged, some newly up, some unhealthy, some of each number."""
    many = [line for line in recorded() if len(arranged(line)) >= 3]
    assert len(many) > 300
    newly = [line for line in many if len(line["randoms"]) == len(arranged(line))]
    assert len(newly) > 50, "the dice was cast"

    def unhealthy(line: Line) -> int:
        replicas = line["hosts"][: line["replicas"]]
        return sum(h["up"] and h["in_flight"] >= 10 and h["answers"] <= 1 for h in replicas)

    old = [
        line
        for line in many
        if not any(h["up_for_ms"] is not None and h["up_for_ms"] < 60_000 for h in line["hosts"])
    ]
    assert {unhealthy(line) for line in old} >= {0, 1, 2, 3}
