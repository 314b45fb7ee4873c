"""Gives a plan's faults to nodes at their times, and tells when the nodes' clients saw them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from poolsim.harness.proxy.client import ProxyControl
from poolsim.scenario.scenario import Fault

ProxyEvent = tuple[int, str, str, int]
EventRow = tuple[int, int, str, str]
"""Time in ns from the run's start, host from 0, kind, detail."""

_SEEN = {"stop": ("backend_closed", "not_listening"), "pause": ("silent",)}
_BACK = {"stop": ("listening",), "pause": ("resumed",)}
"""Events of the proxy that are a fault, or its end, as a node's clients see it."""

_LISTENER_KINDS = (
    "listening",
    "not_listening",
    "silent",
    "resumed",
    "answers_nothing",
    "answers_again",
    "status_up",
    "status_down",
)


class FaultyNode(Protocol):
    """What a node of the cluster can be made to do (harness/cluster)."""

    def kill(self) -> None:
        """End its process at once."""

    def start(self) -> None:
        """Start it again."""

    def pause(self) -> None:
        """Freeze it."""

    def unpause(self) -> None:
        """Let it go on."""


@dataclass(frozen=True, slots=True)
class _Action:
    at_ns: int
    host: int
    kind: str
    detail: str
    do: Callable[[], None]


class FaultGiver:
    """A thread that gives faults, all times counted from `start_ns`.

    A pause is the node's and the proxy's at once: the proxy falls silent at the very time, and
    the engine freezes the node behind it, so that its peers see it go as well.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        nodes: Sequence[FaultyNode],
        control: ProxyControl,
        listeners: Sequence[str],
        start_ns: int,
    ) -> None:
        """Prepare; `start` begins. `control` is used by this thread only."""
        self._control = control
        self._listeners = listeners
        self._nodes = nodes
        self._start_ns = start_ns
        self._actions = sorted(self._planned(faults), key=lambda action: action.at_ns)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self.given: list[EventRow] = []
        self.error: Exception | None = None

    def start(self) -> None:
        """Begin to wait for the first fault."""
        self._thread.start()

    def end(self) -> None:
        """Give no more faults, and wait for the one that is being given."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _planned(self, faults: Sequence[Fault]) -> list[_Action]:
        actions = []
        for fault in faults:
            begin, finish = self._ways(fault)
            actions.append(_Action(fault.at_ns, fault.node, "fault_given", fault.kind, begin))
            if fault.for_ns:
                back = fault.at_ns + fault.for_ns
                actions.append(_Action(back, fault.node, "recovery_given", fault.kind, finish))
        return actions

    def _ways(self, fault: Fault) -> tuple[Callable[[], None], Callable[[], None]]:
        node, listener = self._nodes[fault.node], self._listeners[fault.node]
        if fault.kind == "stop":
            return node.kill, node.start

        def pause() -> None:
            self._control.silent(listener, True)
            node.pause()

        def resume() -> None:
            node.unpause()
            self._control.silent(listener, False)

        return pause, resume

    def _run(self) -> None:
        for action in self._actions:
            left_ns = self._start_ns + action.at_ns - time.monotonic_ns()
            if self._is_over.wait(max(0.0, left_ns * 1e-9)):
                return
            at_ns = time.monotonic_ns() - self._start_ns
            self.given.append((at_ns, action.host, action.kind, action.detail))
            try:
                action.do()
            except Exception as error:
                self.error = error
                return


def rows_of(
    events: Sequence[ProxyEvent], listeners: Sequence[str], start_ns: int
) -> list[EventRow]:
    """The proxy's events of the nodes themselves as rows, named `node_` and their kind."""
    hosts = {name: host for host, name in enumerate(listeners)}
    return [
        (at - start_ns, hosts[listener], f"node_{kind}", "")
        for at, listener, kind, _ in events
        if listener in hosts and kind in _LISTENER_KINDS and at >= start_ns
    ]


def seen(
    given: Sequence[EventRow], events: Sequence[ProxyEvent], listeners: Sequence[str], start_ns: int
) -> list[EventRow]:
    """When each fault, and each end of one, was seen by the node's clients."""
    rows: list[EventRow] = []
    for given_ns, host, kind, detail in given:
        kinds = _SEEN if kind == "fault_given" else _BACK
        times = [
            at - start_ns
            for at, listener, happened, _ in events
            if listener == listeners[host]
            and happened in kinds[detail]
            and at - start_ns >= given_ns
        ]
        if times:
            rows.append((min(times), host, kind.replace("_given", "_seen"), detail))
    return rows
