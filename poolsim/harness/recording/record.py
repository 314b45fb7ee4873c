"""Makes one repetition of a plan, or all that are missing of some plans."""

from __future__ import annotations

import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from poolsim.harness.drivers.process import DONE_MARGIN_S, Ready, RecorderFailed
from poolsim.harness.not_ready import NotReady
from poolsim.harness.proxy.client import ProxyControl, ProxyError
from poolsim.harness.proxy.process import StartedProxy, started_proxy
from poolsim.harness.recording.collect import (
    collect_events,
    collect_hosts,
    collect_log,
    collect_requests,
)
from poolsim.harness.recording.faults import FaultGiver, FaultyNode, rows_of, seen
from poolsim.harness.recording.programs import start_recorder
from poolsim.harness.recording.run_file import Addresses, run_file
from poolsim.harness.recording.schedule import Schedule, draw_schedule
from poolsim.recording.files import whole_directory
from poolsim.scenario.scenario import Scenario

FORMAT = "poolsim.recording/1"
PORT = 9042
LEAD_NS = 500_000_000
"""How long before time zero it is told, where the driver's clocks do not matter."""

Say = Callable[[str], None]


class RecordedNode(FaultyNode, Protocol):
    """A node of a cluster, as recording needs it."""

    @property
    def address(self) -> str:
        """Its loopback address."""


class RecordedCluster(Protocol):
    """A cluster, as recording needs it (harness/cluster)."""

    @property
    def nodes(self) -> Sequence[RecordedNode]:
        """The nodes, in order."""

    def mend(self) -> None:
        """Take all faults back, and wait until the cluster is whole."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: its scenario and the text that it was written as."""

    scenario: Scenario
    text: str

    @property
    def name(self) -> str:
        """Names its recordings."""
        return self.scenario.name

    @property
    def nodes(self) -> int:
        """How many nodes it needs."""
        return len(self.scenario.node_names)


@dataclass(frozen=True, slots=True)
class Repetition:
    """One recording to be made: number `number` (from 1) of a plan, in `directory`."""

    plan: Plan
    number: int
    directory: Path

    @property
    def is_there(self) -> bool:
        """Whether it was made before."""
        return (self.directory / "meta.json").is_file()


def repetitions(plans: Sequence[Plan], out: Path, count: int | None = None) -> list[Repetition]:
    """All repetitions of some plans, interleaved: what drifts meanwhile drifts in all plans."""
    wanted = []
    for plan in plans:
        assert plan.scenario.recording is not None, "only plans are recorded"
        wanted.append(count if count is not None else plan.scenario.recording.repetitions)
    return [
        Repetition(plan, number, out / plan.name / str(number))
        for number in range(1, max(wanted, default=0) + 1)
        for plan, most in zip(plans, wanted, strict=True)
        if number <= most
    ]


def record(repetition: Repetition, cluster: RecordedCluster, *, command: str) -> dict[str, Any]:
    """Make one repetition; its directory appears when it is finished.

    Args:
        repetition: what to make, and where.
        cluster: whole, with as many nodes as the plan has. After a plan with faults it is mended.
        command: the command line that asked for it, kept in meta.json.

    Returns:
        The content of its meta.json.

    Raises:
        NotReady: something is missing, or the recorder failed.
    """
    with whole_directory(repetition.directory) as directory:
        (directory / "plan.yaml").write_text(repetition.plan.text, encoding="utf-8")
        try:
            with TemporaryDirectory(prefix="poolsim-record-") as folder:
                run = _Run(repetition, cluster, Path(folder), directory)
                meta = run.make() | {"command": command, "finished": True}
        except ProxyError as error:
            raise NotReady(f"the harness's proxy failed: {error}") from None
        except RecorderFailed as error:
            raise NotReady(str(error)) from None
        finally:
            if repetition.plan.scenario.faults:
                cluster.mend()
        text = json.dumps(meta, indent=2, ensure_ascii=False)
        (directory / "meta.json").write_text(text + "\n", encoding="utf-8")
    return meta


def proxy_address(node: str) -> str:
    """Where the proxy in front of a node listens: 127.0.1.k for 127.0.0.k."""
    first, second, third, fourth = node.split(".")
    return f"{first}.{second}.{int(third) + 1}.{fourth}"


class _Run:
    """One repetition while it is made."""

    def __init__(
        self, repetition: Repetition, cluster: RecordedCluster, work: Path, out: Path
    ) -> None:
        self._repetition = repetition
        self._scenario = repetition.plan.scenario
        self._nodes = list(cluster.nodes)
        self._work = work
        self._out = out
        addresses = tuple(node.address for node in self._nodes)
        reached = addresses
        if self._is_paced:
            reached = tuple(proxy_address(address) for address in addresses)
        self._addresses = Addresses(addresses, reached, PORT)
        self._listeners = [f"{address}:{PORT}" for address in reached]

    @property
    def _is_paced(self) -> bool:
        recording = self._scenario.recording
        return recording is not None and recording.nodes == "paced"

    def make(self) -> dict[str, Any]:
        """Record, and fill the directory but for meta.json, whose content this returns."""
        if len(self._nodes) != len(self._scenario.node_names):
            message = f"the plan needs {len(self._scenario.node_names)} nodes"
            raise NotReady(f"{message}, and the cluster has {len(self._nodes)}")
        schedule = draw_schedule(self._scenario, self._repetition.number)
        arrivals, services = schedule.write(self._work)
        meta = self._about()
        with self._proxy(services) as proxy:
            if proxy is None:
                return meta | self._record(schedule, arrivals, None, None)
            meta["proxy_precedence"] = proxy.has_precedence
            with (
                ProxyControl(proxy.control) as control,
                ProxyControl(proxy.control) as faults_control,
            ):
                return meta | self._record(schedule, arrivals, control, faults_control)

    def _about(self) -> dict[str, Any]:
        """What is known before the run."""
        from poolsim.harness.cluster import cql

        scenario = self._scenario
        statement = "SELECT release_version FROM system.local"
        try:
            rows = cql.query(self._nodes[0].address, PORT, statement, 5.0)
        except (OSError, cql.ProtocolError) as error:
            raise NotReady(
                f"the node at {self._nodes[0].address} does not answer: {error}"
            ) from None
        assert scenario.recording is not None
        return {
            "format": FORMAT,
            "plan": scenario.name,
            "repetition": self._repetition.number,
            "driver": scenario.clients[0].driver,
            "cassandra_version": (rows[0][0] or b"").decode(),
            "nodes": scenario.recording.nodes,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            "load_average": [round(value, 2) for value in os.getloadavg()],
        }

    @contextmanager
    def _proxy(self, services: Sequence[Path]) -> Iterator[StartedProxy | None]:
        """The proxy in front of all nodes; None in front of bare nodes."""
        if not self._is_paced:
            yield None
            return
        pace = {
            "workers": self._scenario.node.workers,
            "service_ns": [str(path) for path in services],
        }
        with started_proxy() as proxy:
            with ProxyControl(proxy.control) as control:
                for host, listener in enumerate(self._listeners):
                    backend = f"{self._addresses.nodes[host]}:{PORT}"
                    if not control.listen(listener, backend, node=host, pace=pace):
                        raise NotReady(f"the node at {backend} accepts no connections")
            yield proxy

    def _record(
        self,
        schedule: Schedule,
        arrivals: Path | None,
        control: ProxyControl | None,
        faults_control: ProxyControl | None,
    ) -> dict[str, Any]:
        scenario = self._scenario
        csv = self._work / "csv"
        csv.mkdir()
        run_json = self._work / "run.json"
        content = run_file(scenario, schedule, arrivals, self._addresses, csv)
        run_json.write_text(json.dumps(content, indent=1), encoding="utf-8")
        with start_recorder(scenario.clients[0].driver, run_json) as recorder:
            ready = recorder.ready()
            # A driver that waits for a core looks like a slow node; a paced node that waits for one
            # has its service time to do so.
            has_precedence = self._is_paced and recorder.take_precedence()
            self._check_version(ready)
            start_ns = _time_zero(ready)
            log = self._work / "node.bin"
            if control is not None:
                control.events()
                control.log(log, start_ns)
            giver = None
            if scenario.faults and faults_control is not None:
                giver = FaultGiver(
                    scenario.faults, self._nodes, faults_control, self._listeners, start_ns
                )
                giver.start()
            try:
                recorder.begin(start_ns)
                left_s = (start_ns + scenario.duration_ns - time.monotonic_ns()) * 1e-9
                told = recorder.done(max(left_s, 0.0) + DONE_MARGIN_S)
            finally:
                if giver is not None:
                    giver.end()
        if giver is not None and giver.error is not None:
            raise NotReady(f"a fault could not be given: {giver.error}")
        given = giver.given if giver is not None else []
        own = list(given)
        meta: dict[str, Any] = {
            "driver_version": ready.driver_version,
            "start_ns": start_ns,
            "driver_precedence": has_precedence,
            "recorder": {**ready.said, **told},
        }
        for key in ("cleanup_origin_ns", "cleanup_interval_ns"):
            if key in ready.said:
                meta[key] = ready.said[key]
        if control is not None:
            logged = control.log_end()
            meta["late_backends"] = logged.late_backends
            meta["proxy_cpu_ns"] = logged.cpu_ns
            events = control.events()
            own += rows_of(events, self._listeners, start_ns)
            own += seen(given, events, self._listeners, start_ns)
            collect_log(log, self._out)
        meta["requests"] = collect_requests(csv, self._out)
        collect_hosts(csv, self._out)
        collect_events(csv, self._out, own)
        return meta

    def _check_version(self, ready: Ready) -> None:
        assert self._scenario.recording is not None
        asked = self._scenario.recording.driver_version
        if asked and asked != ready.driver_version:
            raise NotReady(
                f"the plan asks for driver version {asked}, and the harness has "
                f"{ready.driver_version}: change record.driver_version, or leave it out"
            )


def _time_zero(ready: Ready) -> int:
    """The recorder's own proposal (its driver's clocks decide it), or soon."""
    soon = time.monotonic_ns() + LEAD_NS
    proposed = ready.start_ns_proposed
    return proposed if proposed is not None and proposed > time.monotonic_ns() else soon
