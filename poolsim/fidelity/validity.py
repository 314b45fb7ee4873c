"""The validated range: which scenarios lie where predictions were held against real drivers.

`validity.json` beside this file is written by `poolsim validate` from the plans that held. A
scenario outside of it still runs; `poolsim run` says so in one line.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from poolsim.model.laws.durations import mean_ns
from poolsim.scenario.scenario import Client, Scenario

FORMAT = "poolsim.validity/1"
FILE_NAME = "validity.json"
MOST_UTILISATION = 0.80
_OPEN = ("poisson", "uniform")


def region_of(scenario: Scenario) -> dict[str, Any]:
    """Where a scenario lies, in the terms of the validated range.

    rate: the highest offered to one node, per second (0 for loads that are no rate). utilisation:
    of the nodes' workers by open loads, at the highest rate.
    """
    workers = scenario.node.workers
    nodes = max(1, len(scenario.node_names))
    rate = sum(_highest_rate(client) for client in scenario.clients) / nodes
    service_s = mean_ns(scenario.node.service) / 1e9
    return {
        "drivers": sorted({f"{one.driver} v{one.protocol}" for one in scenario.clients}),
        "nodes": nodes,
        "datacenters": len(scenario.datacenters),
        "connections": max(one.options.local.max for one in scenario.clients),
        "rate": round(rate, 3),
        "utilisation": round(rate * service_s / workers, 4),
        "service_ms": round(service_s * 1e3, 4),
        "faults": sorted({fault.kind for fault in scenario.faults}),
        "changes": bool(scenario.changes),
        "instances": max(one.instances for one in scenario.clients),
    }


def _highest_rate(client: Client) -> float:
    load = client.load
    if load.kind not in _OPEN:
        return 0.0
    return max([load.rate, *(phase.value for phase in load.phases)])


def validated_range(regions: list[dict[str, Any]], date: str) -> dict[str, Any]:
    """The range that some plans span, each of which held."""
    return {
        "format": FORMAT,
        "date": date,
        "drivers": sorted({driver for region in regions for driver in region["drivers"]}),
        "nodes": max(region["nodes"] for region in regions),
        "connections": max(region["connections"] for region in regions),
        "rate": max(region["rate"] for region in regions),
        "utilisation": MOST_UTILISATION,
        "service_ms": min(region["service_ms"] for region in regions),
        "faults": sorted({fault for region in regions for fault in region["faults"]}),
    }


def outside_validity(scenario: Scenario) -> tuple[str, ...]:
    """One short line where a scenario lies outside the validated range, otherwise nothing.

    Nothing either where no range has been validated for this version yet.
    """
    known = _known()
    if known is None:
        return ()
    reasons = reasons_outside(region_of(scenario), known)
    if not reasons:
        return ()
    return (f"outside the validated range (reports/fidelity): {'; '.join(reasons)}",)


def reasons_outside(region: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """In which respects a region lies outside of a range."""
    reasons = []
    other = [driver for driver in region["drivers"] if driver not in known["drivers"]]
    if other:
        reasons.append(", ".join(other))
    if region["datacenters"] > 1:
        reasons.append("several datacenters")
    if region["nodes"] > known["nodes"]:
        reasons.append(f"{region['nodes']} nodes (up to {known['nodes']})")
    if region["connections"] > known["connections"]:
        reasons.append(f"{region['connections']} connections (up to {known['connections']})")
    if region["utilisation"] > known["utilisation"]:
        reasons.append(
            f"{region['utilisation']:.0%} utilisation (up to {known['utilisation']:.0%})"
        )
    if region["rate"] > known["rate"]:
        reasons.append(f"{region['rate']:,.0f} req/s a node (up to {known['rate']:,.0f})")
    if region["service_ms"] < known["service_ms"]:
        reasons.append(
            f"mean service {region['service_ms']:g} ms (from {known['service_ms']:g} ms)"
        )
    faults = [fault for fault in region["faults"] if fault not in known["faults"]]
    if faults:
        reasons.append(f"faults: {', '.join(faults)}")
    if region["changes"]:
        reasons.append("options changed at runtime")
    return reasons


def _known() -> dict[str, Any] | None:
    file = resources.files("poolsim.fidelity") / FILE_NAME
    if not file.is_file():
        return None
    known = json.loads(file.read_text(encoding="utf-8"))
    return known if known.get("format") == FORMAT else None
