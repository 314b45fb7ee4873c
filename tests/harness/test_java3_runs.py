"""The run recorder of the Java driver: real runs of a few seconds on a paced node, and refusals."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from poolsim.harness.cluster import running_cluster
from poolsim.harness.drivers import java3
from poolsim.harness.drivers.process import DONE_MARGIN_S, Ready, RecorderFailed
from poolsim.harness.not_ready import NotReady
from poolsim.harness.proxy.client import ProxyControl
from poolsim.harness.proxy.log import LOG_COLUMNS
from poolsim.harness.proxy.process import started_proxy

MS = 1_000_000
S = 1_000 * MS
LISTEN = "127.0.8.1"
"""Where the proxy listens in these tests: nothing else of the harness does."""


@dataclass
class Recorded:
    ready: Ready
    start_ns: int
    done: dict[str, Any]
    requests: pd.DataFrame
    hosts: pd.DataFrame
    events: pd.DataFrame
    log: pd.DataFrame
    """The proxy's."""

    def events_of(self, *kinds: str, after_ns: int = 0) -> pd.DataFrame:
        events = self.events[self.events.kind.isin(kinds)]
        return events[events.at_ns >= after_ns]


@dataclass
class Node:
    """A paced node: a proxy in front of a real one."""

    backend: str
    control: ProxyControl

    @property
    def listen(self) -> str:
        return f"{LISTEN}:9042"

    def pace(self, workers: int, service_ns: int) -> None:
        pace = {"workers": workers, "service_ns": [service_ns]}
        self.control.listen(self.listen, f"{self.backend}:9042", pace=pace)


def run_json(
    folder: Path, load: dict[str, Any], duration_ns: int, host: str = "127.0.0.1", **more: Any
) -> Path:
    """A run.json with these keys, for one host behind the proxy; its folder `out` is made."""
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    path = folder / "run.json"
    run = {
        "contact_points": [LISTEN],
        "port": 9042,
        "translate": {host: LISTEN},
        "hosts": [host],
        "protocol": 4,
        "driver": "java3",
        "options": {},
        "load": load,
        "duration_ns": duration_ns,
        "sample_every_ns": 20 * MS,
        "issue_gap_ns": 50_000,
        "out": str(out),
        "warm_up_ns": 2 * S,
    }
    path.write_text(json.dumps(run | more))
    return path


def closed(*phases: tuple[int, int]) -> dict[str, Any]:
    return {"kind": "closed", "phases": [list(phase) for phase in phases], "error_pause_ns": MS}


def record(path: Path, node: Node, flavour: str = "java3", during: Any = None) -> Recorded:
    """Make the run of a run.json; `during` is called with time zero once the run was begun."""
    duration_ns = json.loads(path.read_text())["duration_ns"]
    out = path.parent / "out"
    with java3.start(path, flavour=flavour) as recorder:
        ready = recorder.ready()
        assert ready.start_ns_proposed is not None
        node.control.log(out / "node.bin", ready.start_ns_proposed)
        recorder.take_precedence()
        recorder.begin(ready.start_ns_proposed)
        if during is not None:
            during(ready.start_ns_proposed)
        done = dict(recorder.done(10 + duration_ns / S + DONE_MARGIN_S))
    node.control.log_end()
    rows = np.fromfile(out / "node.bin", dtype="<i8").reshape(-1, len(LOG_COLUMNS))
    return Recorded(
        ready,
        ready.start_ns_proposed,
        done,
        *(pd.read_csv(out / f"{name}.csv") for name in ("requests", "hosts", "events")),
        pd.DataFrame(rows, columns=list(LOG_COLUMNS)),
    )


def sleep_until(instant_ns: int) -> None:
    time.sleep(max(0, instant_ns - time.monotonic_ns()) / S)


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with running_cluster(1) as cluster:
        yield cluster.addresses[0]


@pytest.fixture
def node(backend: str) -> Iterator[Node]:
    with started_proxy() as proxy, ProxyControl(proxy.control) as control:
        yield Node(backend, control)


@pytest.mark.container
@pytest.mark.parametrize("flavour", ["java3", "dse"])
def test_pool_grows_when_one_request_more_is_in_flight(
    tmp_path: Path, node: Node, flavour: str
) -> None:
    """Two connections grow above 1 x 128 + 100 in flight, three above 2 x 128 + 100."""
    node.pace(workers=512, service_ns=100 * MS)
    options = {"core": 2, "max": 8, "max_requests": 128, "new_connection_threshold": 100}
    load = closed((0, 228), (2 * S, 229), (4 * S, 356), (6 * S, 357))
    path = run_json(tmp_path, load, 8 * S, options=options, host=node.backend)
    recorded = record(path, node, flavour)
    hosts = recorded.hosts
    for begin, end, connections in ((0, 2, 2), (3, 4, 3), (4, 6, 3), (7, 8, 4)):
        samples = hosts[(hosts.at_ns >= begin * S) & (hosts.at_ns < end * S)]
        assert len(samples) >= 45
        assert set(samples.open) == {connections}
    began = recorded.events_of("connect_started")
    assert list(began.detail) == ["purpose=growth"] * 2
    assert list(began.at_ns // S) == [2, 6]
    assert set(recorded.requests.outcome) == {"ok"}
    assert hosts.in_flight.max() <= 357
    assert recorded.ready.driver_version == {"java3": "3.11.5", "dse": "1.9.0"}[flavour]


@pytest.mark.container
def test_open_loop_issues_each_request_once_and_never_early(tmp_path: Path, node: Node) -> None:
    node.pace(workers=8, service_ns=4 * MS)
    intended = np.sort(np.random.default_rng(5).integers(0, 3 * S, 1500)).astype("<i8")
    intended.tofile(tmp_path / "intended.bin")
    load = {"kind": "open", "intended_ns": str(tmp_path / "intended.bin")}
    path = run_json(tmp_path, load, 3 * S, host=node.backend)
    recorded = record(path, node)
    requests = recorded.requests
    assert list(requests.number) == list(range(1500))
    assert list(requests.intended_ns) == list(intended)
    assert (requests.started_ns >= requests.intended_ns).all()
    assert (requests.started_ns.diff().dropna() >= 50_000).all()
    assert (requests.ended_ns - requests.started_ns >= 4 * MS).all()
    assert list(np.sort(recorded.log.request)) == list(range(1500))
    both = requests.merge(recorded.log, left_on="number", right_on="request")
    # One clock on both sides: it arrives after its start, and its response is due before its end.
    assert (both.arrived_ns > both.started_ns).all()
    assert (both.due_ns < both.ended_ns).all()
    assert recorded.done["requests"] == 1500
    assert recorded.done["unfinished"] == 0


@pytest.mark.container
def test_time_zero_is_a_cleanup_tick_and_the_pool_is_as_after_start(
    tmp_path: Path, node: Node
) -> None:
    node.pace(workers=8, service_ns=4 * MS)
    load = closed((0, 2))
    options = {"core": 2, "max": 8, "max_requests": 8, "new_connection_threshold": 4}
    recorded = record(run_json(tmp_path, load, S, options=options, host=node.backend), node)
    ready = recorded.ready
    assert ready.cleanup_origin_ns is not None
    ticks = (recorded.start_ns - ready.cleanup_origin_ns) / (10 * S)
    assert ticks == pytest.approx(round(ticks), abs=0.005)
    tick = recorded.events_of("cleanup", after_ns=-10 * MS).iloc[0]
    assert 0 <= tick.at_ns < 100 * MS
    # The warm-up went through other pools: this one has its first connections, and no others were.
    assert list(recorded.events_of("opened", after_ns=-60 * S).detail.str[:12]) == [
        "connection=0",
        "connection=1",
    ]
    assert recorded.events_of("trashed", "closed", "resurrected", after_ns=-60 * S).empty
    assert set(recorded.hosts.open) == {2}
    assert recorded.hosts.in_flight.max() <= 2


@pytest.mark.container
def test_closed_loop_keeps_its_window_and_retires_workers(tmp_path: Path, node: Node) -> None:
    node.pace(workers=64, service_ns=20 * MS)
    load = closed((0, 20), (S, 5), (2 * S, 30))
    recorded = record(run_json(tmp_path, load, 3 * S, host=node.backend), node)
    requests = recorded.requests

    def under_way(at_ns: float) -> int:
        return int(((requests.started_ns <= at_ns) & (requests.ended_ns > at_ns)).sum())

    for at_s, window in ((0.5, 20), (0.9, 20), (1.5, 5), (1.9, 5), (2.5, 30), (2.9, 30)):
        # Between an end and the next start of a worker there is an instant.
        assert window - 2 <= max(under_way((at_s + d / 1000) * S) for d in range(5)) <= window
    assert (requests.intended_ns[:20] == 0).all()
    assert (requests.intended_ns == 2 * S).sum() == 25
    assert (requests.started_ns >= requests.intended_ns).all()


@pytest.mark.container
def test_rejections_name_their_reason(tmp_path: Path, node: Node) -> None:
    node.pace(workers=2, service_ns=50 * MS)
    options = {
        "core": 1,
        "max": 1,
        "max_requests": 2,
        "max_queue_size": 10,
        "pool_timeout_ms": 150,
    }
    load = closed((0, 20)) | {"error_pause_ns": 20 * MS}
    recorded = record(run_json(tmp_path, load, 2 * S, options=options, host=node.backend), node)
    requests = recorded.requests
    rejected = requests[requests.outcome == "rejected"]
    assert set(rejected.error) == {
        "NoHostAvailableException;0=BusyPoolException:queue_full",
        "NoHostAvailableException;0=BusyPoolException:timed_out",
    }
    assert (rejected.host == -1).all()
    assert set(requests.outcome) == {"ok", "rejected"}
    # Rejected by the client: the node never saw them.
    assert not set(rejected.number) & set(recorded.log.request)
    assert recorded.hosts.pending.max() == 10


@pytest.mark.container
def test_a_lost_host_is_tried_after_each_delay_and_comes_back(tmp_path: Path, node: Node) -> None:
    node.pace(workers=8, service_ns=10 * MS)
    reconnection = {"kind": "exponential", "base_ms": 300, "max_ms": 10_000}
    load = closed((0, 10)) | {"error_pause_ns": 20 * MS}
    options = {"core": 2, "max": 2, "reconnection": reconnection}
    path = run_json(tmp_path, load, 7 * S, options=options, host=node.backend)

    def lose_and_return(start_ns: int) -> None:
        sleep_until(start_ns + S)
        node.control.close(node.listen)
        sleep_until(start_ns + 4 * S)
        node.pace(workers=8, service_ns=10 * MS)

    recorded = record(path, node, during=lose_and_return)
    assert list(recorded.events_of("host_down", "host_up").kind) == ["host_down", "host_up"]
    first = recorded.events_of("reconnection_scheduled").iloc[0]
    began = recorded.events_of("reconnection_attempt").at_ns.to_numpy()
    failed = recorded.events_of("reconnection_failed").at_ns.to_numpy()
    # 0.3, 0.9, 2.1 s after the loss the host is away, 4.5 s after it is back.
    assert len(began) == 4
    assert len(failed) == 3
    gaps = began - np.concatenate([[first.at_ns], failed])
    due = np.array([300, 600, 1200, 2400]) * MS
    assert (gaps >= due).all()
    assert (gaps < due + 300 * MS).all()
    assert len(recorded.events_of("reconnection_succeeded")) == 1
    assert list(recorded.events_of("closed").detail.str.contains("broken=1")) == [True, True]
    assert len(recorded.events_of("opened")) == 2
    after = recorded.requests[recorded.requests.intended_ns > 6 * S]
    assert set(after.outcome) == {"ok"}
    errors = recorded.requests[recorded.requests.outcome == "error"].error
    assert set(errors.str.split(";").str[0]) <= {"NoHostAvailableException", "TransportException"}


@pytest.mark.container
def test_options_change_while_the_run_goes_on(tmp_path: Path, node: Node) -> None:
    node.pace(workers=64, service_ns=20 * MS)
    options = {"core": 1, "max": 1, "max_requests": 64, "new_connection_threshold": 8}
    path = run_json(
        tmp_path,
        closed((0, 20)),
        2 * S,
        options=options,
        changes=[[S, {"max": 2}]],
        host=node.backend,
    )
    recorded = record(path, node)
    change = recorded.events_of("changed").iloc[0]
    assert change.detail == "max=2"
    assert S <= change.at_ns < S + 100 * MS
    opened = recorded.events_of("opened")
    assert list(opened.at_ns > change.at_ns) == [True]


@pytest.mark.container
def test_a_run_that_is_broken_off_leaves_no_process_and_no_files(
    tmp_path: Path, node: Node
) -> None:
    node.pace(workers=8, service_ns=4 * MS)
    path = run_json(tmp_path, closed((0, 1)), 60 * S, host=node.backend)
    with java3.start(path) as recorder:
        proposed = recorder.ready().start_ns_proposed
        assert proposed is not None
        recorder.begin(time.monotonic_ns() + S)
        time.sleep(1.5)
        assert Path(f"/proc/{recorder.pid}").exists()
    assert not Path(f"/proc/{recorder.pid}").exists()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.container
def test_a_start_in_the_past_is_refused(tmp_path: Path, node: Node) -> None:
    node.pace(workers=8, service_ns=4 * MS)
    path = run_json(tmp_path, closed((0, 1)), S, host=node.backend, warm_up_ns=0)
    with java3.start(path) as recorder:
        recorder.ready()
        recorder.begin(time.monotonic_ns() - S)
        with pytest.raises(RecorderFailed, match=r"start_ns was \d+ ns ago"):
            recorder.done(10)


@pytest.mark.container
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"options": {"corr": 3}}, "options.corr is not known here; known: core, "),
        ({"options": {"core": "x"}}, 'options.core must be a whole number, not "x"'),
        ({"options": {"core": 3, "max": 2}}, "must be less than max (3 > 2)"),
        ({"options": {"retry": "often"}}, "options.retry must be default or fallthrough"),
        ({"options": {"reconnection": {"kind": "never"}}}, "options.reconnection.kind must be"),
        ({"changes": [[5, {"core": 9}]]}, "must be less than max"),
        ({"changes": [[5, {"retry": "x"}]]}, "changes.retry is not known here"),
        ({"load": {"kind": "open", "intended_ns": "/nowhere"}}, "cannot read /nowhere"),
        ({"load": {"kind": "closed", "phases": [[5, 1], [5, 2]]}}, "times must rise"),
        ({"load": {"kind": "users"}}, 'load.kind must be open or closed, not "users"'),
        ({"duration_ns": 0}, "duration_ns must be above 0"),
        ({"protocol": 5}, "protocol must be 1 to 4"),
        ({"driver": "python"}, "driver must be java3"),
        ({"out": "/nowhere"}, "out: there is no folder /nowhere"),
        ({"contact_points": ["127.0.8.99"]}, "cannot connect to 127.0.8.99 port 9042"),
    ],
)
def test_what_cannot_be_run_is_said_plainly(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    path = run_json(tmp_path, closed((0, 1)), S)
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
    with java3.start(path) as recorder, pytest.raises(RecorderFailed) as failed:
        recorder.ready(30)
    assert failed.value.status == 3
    assert message in str(failed.value)


def test_without_java_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(NotReady, match=r"[Jj]ava"):
        java3.start(tmp_path / "run.json")
