"""`poolsim cluster`: start, show and remove the cluster that real drivers are checked against."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from poolsim.commands.exit_codes import NOT_READY, OK

if TYPE_CHECKING:
    from poolsim.harness.cluster import Node


def up_command(nodes: int) -> int:
    """Start a cluster, showing each step."""
    from poolsim.harness import cluster

    started = cluster.up(nodes, say=_say)
    started.close()
    many = "1 node" if nodes == 1 else f"{nodes} nodes"
    if started.found:
        typer.echo(f"a healthy cluster of {many} is up already: {_points(started.contact_points)}")
    else:
        typer.echo(f"a cluster of {many} is up: {_points(started.contact_points)}")
        typer.echo("remove it with:  poolsim cluster down")
    return OK


def status_command() -> int:
    """Show the nodes; the exit code says whether all are well."""
    from poolsim.harness import cluster

    found = cluster.status()
    if found is None:
        typer.echo("there is no cluster; start one with:  poolsim cluster up --nodes 1")
        return NOT_READY
    try:
        healthy = found.is_healthy()
        typer.echo(f"image {found.image}")
        for node in found.nodes:
            typer.echo(_line(node))
        if not found.complete:
            typer.echo("its start has not come to its end")
        elif len(found.nodes) != found.size:
            typer.echo(f"{len(found.nodes)} of {found.size} nodes are there")
        elif healthy:
            typer.echo("healthy: every node answers and knows the others")
        else:
            typer.echo("not healthy")
    finally:
        found.close()
    return OK if healthy else NOT_READY


def down_command() -> int:
    """Remove everything that a harness left."""
    from poolsim.harness import cluster

    removed = cluster.down()
    typer.echo(
        f"removed containers: {len(removed.containers)}, ended processes: {len(removed.processes)}"
        if removed.containers or removed.processes
        else "there was nothing to remove"
    )
    return OK


def _line(node: Node) -> str:
    state = node.state()
    if state == "running" and not node.answers():
        state = "running, does not answer"
    memory = f"{node.memory_mib()} MiB" if state.startswith("running") else ""
    return f"node {node.number}  {node.contact_point:16}  {state}  {memory}".rstrip()


def _points(points: tuple[str, ...]) -> str:
    return ", ".join(points)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
