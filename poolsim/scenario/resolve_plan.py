"""What the file says to `recommend`: cost, peak, what to choose among."""

from __future__ import annotations

from poolsim.scenario.context import Context
from poolsim.scenario.cost import clients_and_phases, parse_cost
from poolsim.scenario.entries import FileEntry
from poolsim.scenario.metrics import ExpressionError
from poolsim.scenario.mistakes import did_you_mean
from poolsim.scenario.scenario import Client, Plan


def resolve_plan(file: FileEntry, clients: list[Client], context: Context) -> Plan:
    """The plan, with names that exist. `search` is checked by search.py."""
    phases = [phase.name for client in clients for phase in client.load.phases]
    loads = [("clients", index, "load", "phases") for index in range(len(clients))]
    if file.peak and file.peak not in phases:
        message = context.no_phase(file.peak, phases, "leave out peak")
        context.note(file, "peak", message=message, uses=loads)
    if file.cost:
        _check_cost(file, phases, context)
    traces = [place for place, client in enumerate(clients) if client.load.kind == "trace"]
    if file.headroom and traces:
        message = "recorded arrivals (a trace) cannot be scaled: leave headroom out"
        context.note(file, "headroom", message=message, uses=loads)
    return Plan(
        file.cost, file.peak or "", tuple(file.search.items()), file.node_loss, file.headroom
    )


def _check_cost(file: FileEntry, phases: list[str], context: Context) -> None:
    try:
        cost = parse_cost(file.cost)
    except ExpressionError as error:
        context.note(file, "cost", message=str(error))
        return
    if not context.names_are_known():
        return
    names = context.client_names()
    for client, phase in clients_and_phases(cost):
        if client and client not in names:
            near = did_you_mean(client, names)
            context.note(file, "cost", message=f"there is no client {client}{near}")
        elif phase and phase not in phases:
            message = context.no_phase(phase, phases, f"leave off @{phase}")
            context.note(file, "cost", message=message)
