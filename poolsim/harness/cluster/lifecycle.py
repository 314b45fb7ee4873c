"""Starts a cluster, finds it again, and removes it: whatever ended the program that started it.

There is no state file. What exists is what the engine lists under the harness's label, and what
`/proc` lists with its mark; so a later program cleans up after one that was killed.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from poolsim.harness import ending, files, processes
from poolsim.harness.cluster import checks, image
from poolsim.harness.cluster.engine import Engine, connected
from poolsim.harness.cluster.nodes import Cluster, find, nodes_of
from poolsim.harness.cluster.settings import container_name
from poolsim.harness.not_ready import NotReady
from poolsim.harness.place import Place, current

Say = Callable[[str], None]

_ANSWERS_WITHIN_S = 10.0


def _silent(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What `down` found and removed."""

    containers: tuple[str, ...]
    processes: tuple[int, ...]


def up(nodes: int, *, say: Say = _silent) -> Cluster:
    """Start a cluster that stays when this program ends; `down` removes it.

    A healthy cluster of so many nodes is left as it is, and `found` says so. Anything else that
    an earlier run left, containers and processes, is removed first. Ended by a signal or an error
    in the middle, it leaves nothing.

    Args:
        nodes: How many nodes, at 127.0.0.1, 127.0.0.2, …; 1 to `settings.MAX_NODES`.
        say: Gets a line for each step.

    Returns:
        The cluster; to be closed, which does not end it.

    Raises:
        ValueError: There cannot be so many nodes.
        NotReady: Something is missing or in the way.
        ending.Ended: A signal asked this program to end.
    """
    checks.check_nodes(nodes)
    with ending.by_signals():
        return _start(nodes, "", say)


def down(*, say: Say = _silent) -> Removed:
    """Remove every container with the harness's label, and kill every process of the harness.

    Raises:
        NotReady: No engine answers; the processes are killed all the same.
    """
    place = current()
    with ending.by_signals(), ending.held():
        killed = processes.kill_all()
        if killed:
            say(f"killed {len(killed)} processes of the harness")
        with connected() as engine:
            removed = engine.remove_all(place)
        return Removed(containers=tuple(removed), processes=tuple(killed))


def status() -> Cluster | None:
    """The cluster that is there now, healthy or not; None when there is none. To be closed.

    Raises:
        NotReady: No engine answers.
    """
    engine = Engine()
    try:
        cluster = find(engine, current())
    except BaseException:
        engine.close()
        raise
    if cluster is None:
        engine.close()
    return cluster


@contextmanager
def running_cluster(nodes: int, *, say: Say = _silent) -> Iterator[Cluster]:
    """A healthy cluster for a block: started for it and removed after it, whatever ends it.

    One that is up already with so many nodes is used, and left running, with all faults taken back.
    Processes of the harness that the block started are killed either way. SIGTERM, SIGINT and
    SIGHUP raise `ending.Ended` in the block; a second one waits until everything is removed.

    Args:
        nodes: How many nodes, at 127.0.0.1, 127.0.0.2, …
        say: Gets a line for each step.

    Raises:
        ValueError: There cannot be so many nodes.
        NotReady: Something is missing or in the way.
        ending.Ended: A signal asked this program to end.
    """
    checks.check_nodes(nodes)
    owner = processes.identity()
    with ending.by_signals():
        cluster: Cluster | None = None
        try:
            cluster = _start(nodes, owner, say)
            yield cluster
        finally:
            with ending.held():
                _give_back(cluster, owner, say)


def _start(nodes: int, owner: str, say: Say) -> Cluster:
    checks.check_platform()
    place = current()
    engine = Engine()
    try:
        with _one_at_a_time(place):
            found = find(engine, place)
            if found is not None:
                _refuse_if_used(found)
                if _serves(found, nodes):
                    processes.kill_all(which="orphans")
                    return found
                say(f"removing what is left of an earlier cluster ({len(found.nodes)} nodes)")
            try:
                with ending.held():
                    processes.kill_all()
                    engine.remove_all(place)
                checks.check_addresses(place, nodes)
                checks.check_memory(nodes)
                return _start_nodes(engine, place, nodes, owner, say)
            except BaseException:
                with ending.held():
                    _remove(place)
                raise
    except BaseException:
        engine.close()
        raise


def _start_nodes(engine: Engine, place: Place, nodes: int, owner: str, say: Say) -> Cluster:
    """Start the containers and wait until they are a cluster."""
    name = image.provide(engine, say)
    containers = []
    for number in range(1, nodes + 1):
        say(f"starting node {number} at {place.address(number)}")
        containers.append(engine.start_node(place, number, nodes, name, owner))
    cluster = Cluster(
        engine=engine,
        place=place,
        nodes=nodes_of(containers),
        size=nodes,
        owner=owner,
        image=name,
    )
    took_s = cluster.wait_until_healthy(say=say)
    for node in cluster.nodes:
        node.rename(container_name(place, node.number))
    say(f"the cluster is whole after {took_s:.1f} s")
    return cluster


def _refuse_if_used(found: Cluster) -> None:
    if found.owner and processes.is_alive(found.owner):
        raise NotReady(
            f"process {found.owner.partition('.')[0]} uses the cluster: wait until it has ended, "
            "or remove the cluster with `poolsim cluster down`"
        )


def _serves(found: Cluster, nodes: int) -> bool:
    """Whether a cluster that is there can be used as it is; a busy one gets some time to answer."""
    if found.size != nodes or found.owner or not found.complete:
        return False
    deadline = time.monotonic() + _ANSWERS_WITHIN_S
    while not found.is_healthy():
        if time.monotonic() > deadline or any(node.state() != "running" for node in found.nodes):
            return False
        time.sleep(0.2)
    return True


def _give_back(cluster: Cluster | None, owner: str, say: Say) -> None:
    """End a block's use of a cluster; None when its start failed, or was cut off at its end."""
    processes.kill_all(which="own")
    if cluster is None:
        with suppress(NotReady), connected() as engine:
            found = find(engine, current())
            if found is not None and found.owner == owner:
                engine.remove_all(found.place)
        return
    try:
        if cluster.found:
            cluster.mend()
        else:
            say("removing the cluster")
            _remove(cluster.place)
    finally:
        cluster.close()


def _remove(place: Place) -> None:
    """Remove everything; a new connection, since an interrupted one may be in the middle of it."""
    processes.kill_all()
    with connected() as engine:
        engine.remove_all(place)


@contextmanager
def _one_at_a_time(place: Place) -> Iterator[None]:
    """Refuse to start a cluster while another program does; the lock goes with its program."""
    path = files.cache() / f"cluster-{place.name}.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NotReady(
                "another program is starting the cluster: wait until it has, then try again"
            ) from error
        yield
