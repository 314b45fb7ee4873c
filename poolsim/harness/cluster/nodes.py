"""A cluster that was started, its nodes, and the faults that can be given to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from poolsim.harness.cluster import health
from poolsim.harness.cluster.engine import Engine, engine_errors
from poolsim.harness.cluster.settings import (
    LABEL_ADDRESS,
    LABEL_NODE,
    LABEL_NODES,
    LABEL_OWNER,
    NATIVE_PORT,
    STARTING,
    STARTS_WITHIN_S,
)
from poolsim.harness.not_ready import NotReady
from poolsim.harness.place import Place

_POLL_S = 0.1
_LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class Node:
    """One node: a container with a loopback address of its own.

    Faults return when the engine has carried them out: `kill` and `stop` when the process is gone,
    `start` when there is one, long before it serves. Errors of the engine are `NotReady`.
    """

    number: int
    address: str
    container: Any

    @property
    def contact_point(self) -> str:
        """Address and native port."""
        return f"{self.address}:{NATIVE_PORT}"

    def kill(self) -> None:
        """End its process at once, as a crash does (SIGKILL)."""
        with engine_errors():
            self.container.kill()

    def stop(self, within_s: int = 30) -> None:
        """End its process as an administrator does (SIGTERM, and SIGKILL after `within_s`)."""
        with engine_errors():
            self.container.stop(timeout=within_s)

    def start(self) -> None:
        """Start it again after `kill` or `stop`: same address, same data."""
        with engine_errors():
            self.container.start()

    def pause(self) -> None:
        """Freeze its process: connections stay open and nothing answers."""
        with engine_errors():
            self.container.pause()

    def unpause(self) -> None:
        """Let a frozen process go on."""
        with engine_errors():
            self.container.unpause()

    def pin(self, cores: str) -> None:
        """Run on these cores only, from now on: "0", "0-1", "1,3"."""
        with engine_errors():
            self.container.update(cpuset_cpus=cores)

    def state(self) -> str:
        """The container's state, as the engine names it: created, running, paused, exited."""
        with engine_errors():
            self.container.reload()
        return str(self.container.status)

    def answers(self, within_s: float = 5.0) -> bool:
        """Whether it answers a query."""
        return health.answers(self.address, within_s)

    def memory_mib(self) -> int:
        """Memory in use now, in MiB; 0 when it does not run."""
        with engine_errors():
            usage = self.container.stats(stream=False, one_shot=True).get("memory_stats") or {}
        cached = usage.get("stats", {}).get("total_inactive_file", 0)
        return int(usage.get("usage", 0) - cached) >> 20

    def log(self, lines: int = _LOG_LINES) -> str:
        """The last lines of its output."""
        with engine_errors():
            text: bytes = self.container.logs(tail=lines)
        return text.decode("utf-8", errors="replace").rstrip()

    def wait_until_up(self, within_s: float = 60.0) -> float:
        """Wait until it answers a query; gives the seconds that took.

        Raises:
            NotReady: It ended, or did not answer in time; with the last lines of its output.
        """
        begin = time.monotonic()
        while not self.answers():
            self.check(begin + within_s)
            time.sleep(_POLL_S)
        return time.monotonic() - begin

    def rename(self, name: str) -> None:
        """Give its container another name."""
        with engine_errors():
            self.container.rename(name)

    def check(self, deadline: float) -> None:
        """Raise `NotReady` when it ended, or `deadline` (of `time.monotonic`) has passed."""
        state = self.state()
        if state in ("running", "paused", "created", "restarting"):
            if time.monotonic() < deadline:
                return
            what = "does not answer in time"
        else:
            what = f"ended while it should start ({state})"
        raise NotReady(f"node {self.number} at {self.address} {what}. It said:\n{self.log()}")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes of a cluster, by number from 1."""

    engine: Engine
    place: Place
    nodes: tuple[Node, ...]
    size: int
    """How many nodes it was started with."""
    owner: str
    """Identity of the process that removes it (`processes.identity`); empty: whoever wants to."""
    image: str
    found: bool = False
    """It was up before: whoever asked for it has not started it."""
    complete: bool = True
    """Its start came to its end; otherwise it is going on, or was cut off."""

    def close(self) -> None:
        """Give the connection to the engine back; the nodes are not touched."""
        self.engine.close()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The nodes' addresses."""
        return tuple(node.address for node in self.nodes)

    @property
    def contact_points(self) -> tuple[str, ...]:
        """The nodes' addresses and native ports."""
        return tuple(node.contact_point for node in self.nodes)

    def node(self, number: int) -> Node:
        """A node, counted from 1."""
        for node in self.nodes:
            if node.number == number:
                return node
        raise LookupError(f"the cluster has no node {number}: it has {len(self.nodes)}")

    def is_healthy(self) -> bool:
        """Whether every node it was started with answers and knows exactly the others."""
        if len(self.nodes) != self.size or not self.complete:
            return False
        if any(node.state() != "running" for node in self.nodes):
            return False
        return health.is_whole(self.addresses)

    def wait_until_healthy(
        self,
        within_s: float = STARTS_WITHIN_S,
        say: Callable[[str], None] | None = None,
    ) -> float:
        """Wait until all nodes answer and the ring is whole; gives the seconds that took.

        Raises:
            NotReady: A node ended, or they did not make it in time; with what it said last.
        """
        begin = time.monotonic()
        deadline = begin + within_s
        waiting = list(self.nodes)
        while waiting:
            for node in list(waiting):
                if node.answers():
                    waiting.remove(node)
                    if say is not None:
                        say(f"node {node.number} answers after {time.monotonic() - begin:.1f} s")
                else:
                    node.check(deadline)
            time.sleep(_POLL_S)
        while not health.is_whole(self.addresses):
            for node in self.nodes:
                node.check(deadline)
            time.sleep(_POLL_S)
        return time.monotonic() - begin

    def mend(self, within_s: float = STARTS_WITHIN_S) -> None:
        """Take all faults back: unpause what is paused, start what ended, wait for the ring."""
        for node in self.nodes:
            state = node.state()
            if state == "paused":
                node.unpause()
            elif state != "running":
                node.start()
        self.wait_until_healthy(within_s)


def find(engine: Engine, place: Place) -> Cluster | None:
    """The cluster that the engine has now, from its labels alone; None when it has none."""
    containers = engine.containers(place)
    if not containers:
        return None
    labels = containers[0].labels
    return Cluster(
        engine=engine,
        place=place,
        nodes=nodes_of(containers),
        size=int(labels.get(LABEL_NODES, len(containers))),
        owner=str(labels.get(LABEL_OWNER, "")),
        image=str(containers[0].attrs["Config"]["Image"]),
        found=True,
        complete=not any(container.name.endswith(STARTING) for container in containers),
    )


def nodes_of(containers: Sequence[Any]) -> tuple[Node, ...]:
    """The nodes that these containers are."""
    return tuple(
        Node(
            number=int(container.labels.get(LABEL_NODE, 0)),
            address=str(container.labels.get(LABEL_ADDRESS, "")),
            container=container,
        )
        for container in containers
    )
