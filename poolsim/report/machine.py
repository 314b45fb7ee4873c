"""A result as one JSON document: what `--format json` prints and `summary.json` holds.

Only what follows from the inputs is in it: no clock, no path, no machine, and not
the engine, on which no result depends. JSON knows
neither NaN nor infinity, so a value that does not exist, or never comes, is null.
"""

from __future__ import annotations

import dataclasses
import math
import platform
from typing import Any

import numpy as np

from poolsim import __version__
from poolsim.estimation.monitor import as_document
from poolsim.estimation.orm import as_document as orm_document
from poolsim.estimation.results import Estimate, Results
from poolsim.report import words
from poolsim.report.budget import Budget, budgets
from poolsim.report.growth import NANOSECONDS
from poolsim.report.summaries import (
    FAULT_METRICS,
    ClientSummary,
    client_summaries,
    fault_times,
)
from poolsim.scenario.scenario import Fault

SCHEMA_VERSION = 1
"""Rises when a reader of the document would have to change; new keys do not raise it."""


def summary(results: Results) -> dict[str, Any]:
    """The result as a document of plain JSON types.

    Times in seconds, rates per second, shares from 0 to 1. `clients[].hosts` are of the first
    replication, `estimates` over all.
    """
    scenario = results.scenario
    summaries = client_summaries(results)
    own = {budget.client: budget for budget in budgets(results, summaries)}
    document = {
        "schema_version": SCHEMA_VERSION,
        "name": scenario.name,
        "question": scenario.question,
        "status": words.headline(results).status,
        "exit_code": results.exit_code,
        "headline": words.headline(results).text,
        "answer": words.answer(results, summaries, fault_times(summaries)),
        "inputs": results.inputs,
        "digest": results.digest,
        "seed": scenario.seed,
        "duration_s": scenario.duration_ns / NANOSECONDS,
        "warm_up_s": results.warm_up_s,
        "interval_s": results.interval_s,
        "verdicts": [
            {
                "expectation": verdict.text,
                "status": verdict.status,
                "estimate": _estimate(verdict.estimate),
                "limit": verdict.limit,
                "reason": verdict.reason,
            }
            for verdict in results.verdicts
        ],
        "estimates": {
            name: _estimate(estimate) for name, estimate in sorted(results.estimates.items())
        },
        "clients": [_client(one, own.get(one.name)) for one in summaries],
        "faults": [_fault(fault) for fault in scenario.faults],
        "recoveries": [dataclasses.asdict(recovery) for recovery in results.recoveries],
        "stalls": [
            {**dataclasses.asdict(stall), "text": words.stall_text(stall)}
            for stall in results.stalls
        ],
        "monitors": [as_document(one) for one in results.monitors],
        "cassandraorm": [orm_document(one) for one in results.orm_reports],
        "failures": list(words.first_failures(results)),
        "warnings": list(results.warnings),
        "replications": [
            {
                "index": replication.index,
                "digest": replication.digest,
                "metrics": dict(sorted(replication.metrics.items())),
            }
            for replication in results.replications
        ],
        "numbers": dict(sorted(results.numbers.items())),
        "versions": {
            "poolsim": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "validity": words.validity(scenario),
        "reproduce": results.reproduce,
    }
    plain: dict[str, Any] = _finite(document)
    return plain


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "node": fault.node_name,
        "kind": fault.kind,
        "at_s": fault.at_ns / NANOSECONDS,
        "for_s": fault.for_ns / NANOSECONDS if fault.for_ns else None,
        "factor": fault.factor if fault.kind == "slow" else None,
        "idle_timeout_s": fault.idle_timeout_ns / NANOSECONDS or None,
        "drain_timeout_s": (
            fault.drain_timeout_ns / NANOSECONDS if fault.kind == "remove" else None
        ),
    }


def _estimate(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else dataclasses.asdict(estimate)


def _client(one: ClientSummary, budget: Budget | None) -> dict[str, Any]:
    """`memory`, `threads`, `throughput_bound` and `signals` are null for drivers without them."""
    client = one.client
    sums = dict.fromkeys(("memory", "threads", "throughput_bound", "signals"))
    if budget is not None:
        plain = dataclasses.asdict(budget)
        sums = {
            "memory": plain["memory"],
            "threads": plain["threads"],
            "throughput_bound": plain["bound"],
            "signals": plain["signals"],
        }
    return {
        "name": client.name,
        "driver": client.driver,
        "wrapper": client.options.wrapper.name or None,
        "protocol": client.protocol,
        "instances": client.instances,
        "closed_loop": one.closed_loop,
        "note": words.CLOSED_LOOP if one.closed_loop else "",
        "most_connections": one.most_connections,
        "figures": {metric: _estimate(estimate) for metric, estimate in one.figures.items()},
        "fault_times": {metric: _estimate(one.estimate(metric)) for _, metric in FAULT_METRICS},
        **sums,
        "hosts": [
            {name: value for name, value in dataclasses.asdict(host).items() if name != "client"}
            for host in one.hosts
        ],
    }


def _finite(value: Any) -> Any:
    """Plain JSON types throughout, null for what is not a finite number."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        # A lone surrogate, which a name may hold, cannot be written as UTF-8.
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value
