"""The run recorder of the Python driver: what it refuses, its wrapper, and live runs."""

from __future__ import annotations

import asyncio
import importlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from poolsim.harness import files, place
from poolsim.harness.cluster import running_cluster
from poolsim.harness.drivers import python
from poolsim.harness.drivers.process import DONE_MARGIN_S, RecorderFailed
from poolsim.harness.proxy.client import ProxyControl
from poolsim.harness.proxy.process import started_proxy

MS = 1_000_000
S = 1_000 * MS
LISTEN = "127.0.9.1"
"""Where the proxy listens in these tests: nothing else of the harness does."""


def run_json(folder: Path, **changes: Any) -> Path:
    """A run of two seconds, as the harness asks for it; the path of its file."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    run = {
        "contact_points": [LISTEN],
        "port": 9042,
        "translate": {},
        "hosts": ["127.0.0.1"],
        "protocol": 4,
        "driver": "python",
        "options": {"read_timeout_ms": 10_000, "keyspace": "system"},
        "load": {"kind": "closed", "phases": [[0, 4]]},
        "duration_ns": 2 * S,
        "sample_every_ns": 20 * MS,
        "issue_gap_ns": 0,
        "out": str(out),
        **changes,
    }
    path = folder / "run.json"
    path.write_text(json.dumps(run), encoding="utf-8")
    return path


# Refusals -----------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"loud": True}, "loud is not known here"),
    "an unknown option": ({"options": {"core": 2}}, "options.core is not known here"),
    "another driver": ({"driver": "java3"}, "driver must be python"),
    "a protocol that no node speaks": ({"protocol": 2}, "protocol must be 3 or 4"),
    "changes": ({"changes": [{}]}, "changes:"),
    "another wrapper": ({"wrapper": "threads"}, "wrapper must be async"),
    "a limit without the wrapper": ({"max_concurrent": 3}, "max_concurrent"),
    "no folder": ({"out": "/nowhere/at/all"}, "there is no folder"),
    "another load": ({"load": {"kind": "users"}}, "load.kind must be open or closed"),
    "phases that do not rise": (
        {"load": {"kind": "closed", "phases": [[0, 1], [0, 2]]}},
        "times must rise",
    ),
    "no arrivals": (
        {"load": {"kind": "open", "intended_ns": "/nowhere.bin"}},
        "load.intended_ns: /nowhere.bin",
    ),
    "an unknown policy": (
        {"options": {"balancing": {"policy": "nearest"}}},
        "options.balancing.policy: 'nearest' is not known",
    ),
    "nobody there": ({"options": {"connect_timeout_ms": 500}}, "no node answers"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_run_is_refused(kind: str, tmp_path: Path) -> None:
    changes, message = REFUSED[kind]
    with (
        python.start(run_json(tmp_path, **changes)) as recorder,
        pytest.raises(RecorderFailed, match="exit status 3") as refused,
    ):
        recorder.ready()
    assert refused.value.status == 3
    assert message in str(refused.value)


# The wrapper --------------------------------------------------------------------------------------


@pytest.fixture
def wrapper(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(files.directory() / "python"))
    return importlib.import_module("async_cassandra")


class Response:
    """A driver's future that a thread completes after a while."""

    coordinator_host = "node"

    def __init__(self, session: Session, error: Exception | None) -> None:
        self.session = session
        self.error = error

    def add_callbacks(self, succeeded: Any, failed: Any) -> None:
        def end() -> None:
            self.session.under_way -= 1
            if self.error is None:
                succeeded(["row"])
            else:
                failed(self.error)

        threading.Timer(0.01, end).start()


class Session:
    """A driver's session that counts what is under way."""

    def __init__(self) -> None:
        self.under_way = 0
        self.most = 0
        self.error: Exception | None = None

    def execute_async(self, query: str, parameters: Any, **options: Any) -> Response:
        del query, parameters, options
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return Response(self, self.error)


def test_requests_are_awaited_at_most_so_many_at_a_time(wrapper: ModuleType) -> None:
    session = Session()

    async def use() -> list[Any]:
        limited = wrapper.AsyncSession(session, 3)
        return await asyncio.gather(*(limited.execute("q") for _ in range(12)))

    assert asyncio.run(use()) == [(["row"], "node")] * 12
    assert session.most == 3


def test_without_a_limit_all_go_at_once_and_errors_come_back(wrapper: ModuleType) -> None:
    session = Session()
    session.error = ValueError("no")

    async def use() -> list[Any]:
        free = wrapper.AsyncSession(session)
        return await asyncio.gather(*(free.execute("q") for _ in range(5)), return_exceptions=True)

    assert asyncio.run(use()) == [session.error] * 5
    # On a busy machine the fifth may begin when the first has ended; a limit of 3 lets 3 go.
    assert session.most > 3


def test_a_request_may_be_given_up(wrapper: ModuleType) -> None:
    session = Session()

    async def use() -> None:
        limited = wrapper.AsyncSession(session, 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(limited.execute("q"), 0.001)
        assert await limited.execute("q") == (["row"], "node")

    asyncio.run(use())


# Live runs ----------------------------------------------------------------------------------------


@dataclass
class Recorded:
    done: dict[str, Any]
    requests: pd.DataFrame
    hosts: pd.DataFrame
    events: pd.DataFrame

    def times_of(self, kind: str) -> list[int]:
        return [int(at) for at in self.events[self.events.kind == kind].at_ns]


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with running_cluster(1) as cluster:
        yield cluster.addresses[0]


@pytest.fixture
def control(backend: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxyControl]:
    monkeypatch.setenv(place.NAME_VARIABLE, f"test-{secrets.token_hex(4)}")
    with started_proxy() as proxy, ProxyControl(proxy.control) as control:
        pace = {"workers": 4, "service_ns": [4 * MS]}
        control.listen(f"{LISTEN}:9042", f"{backend}:9042", pace=pace)
        yield control


def recorded(folder: Path, backend: str, trouble: Any = None, **changes: Any) -> Recorded:
    path = run_json(folder, translate={backend: LISTEN}, hosts=[backend], **changes)
    run = json.loads(path.read_text("utf-8"))
    with python.start(path) as recorder:
        ready = recorder.ready()
        assert ready.driver_version == "3.30.1"
        start_ns = time.monotonic_ns() + S // 2
        recorder.begin(start_ns)
        if trouble is not None:
            trouble(start_ns)
        done = dict(recorder.done(run["duration_ns"] / 1e9 + DONE_MARGIN_S))
    assert {file.name for file in (folder / "out").iterdir()} >= {
        "requests.csv",
        "hosts.csv",
        "events.csv",
    }
    tables = [
        pd.read_csv(folder / "out" / f"{name}.csv") for name in ("requests", "hosts", "events")
    ]
    return Recorded(done, *tables)


@pytest.mark.container
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_open_loop(wrapped: bool, backend: str, control: ProxyControl, tmp_path: Path) -> None:
    intended = np.arange(0, 2 * S, 5 * MS, dtype="<i8")
    (tmp_path / "intended.bin").write_bytes(intended.tobytes())
    changes = {"wrapper": "async", "max_concurrent": 50} if wrapped else {}
    run = recorded(
        tmp_path,
        backend,
        load={"kind": "open", "intended_ns": str(tmp_path / "intended.bin")},
        **changes,
    )
    requests = run.requests
    assert run.done["requests"] == len(requests) == len(intended)
    assert run.done["unfinished"] == 0
    assert list(requests.number) == list(range(len(intended)))
    assert list(requests.intended_ns) == list(intended)
    assert (requests.started_ns >= requests.intended_ns).all()
    assert (requests.ended_ns - requests.started_ns >= 4 * MS).all()
    assert set(requests.outcome) == {"ok"}
    assert set(requests.host) == {0}
    assert set(run.hosts.open) == {1}
    assert len(run.times_of("opened")) == 1


@pytest.mark.container
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_closed_loop(wrapped: bool, backend: str, control: ProxyControl, tmp_path: Path) -> None:
    changes = {"wrapper": "async"} if wrapped else {}
    load = {"kind": "closed", "phases": [[0, 2], [S, 12]], "error_pause_ns": MS}
    run = recorded(tmp_path, backend, load=load, **changes)
    early = run.hosts[run.hosts.at_ns < S]
    late = run.hosts[run.hosts.at_ns > S + S // 4]
    assert early.in_flight.max() <= 2
    assert 2 < late.in_flight.max() <= 12
    assert set(run.requests.outcome) == {"ok"}
    assert run.done["unfinished"] == 0


@pytest.mark.container
def test_the_limit_of_the_wrapper(backend: str, control: ProxyControl, tmp_path: Path) -> None:
    load = {"kind": "closed", "phases": [[0, 12]]}
    run = recorded(tmp_path, backend, load=load, wrapper="async", max_concurrent=3)
    assert run.hosts.in_flight.max() <= 3
    waits = run.requests.started_ns - run.requests.intended_ns
    assert waits.median() > 4 * MS


@pytest.mark.container
def test_a_lost_node_comes_back(backend: str, control: ProxyControl, tmp_path: Path) -> None:
    listener = f"{LISTEN}:9042"

    def trouble(start_ns: int) -> None:
        time.sleep((start_ns + S - time.monotonic_ns()) / 1e9)
        control.close(listener)
        time.sleep(1.5)
        control.listen(listener, f"{backend}:9042")

    intended = np.arange(0, 8 * S, 10 * MS, dtype="<i8")
    (tmp_path / "intended.bin").write_bytes(intended.tobytes())
    run = recorded(
        tmp_path,
        backend,
        trouble,
        load={"kind": "open", "intended_ns": str(tmp_path / "intended.bin")},
        duration_ns=8 * S,
        options={"reconnection": {"kind": "constant", "base_ms": 1000, "max_attempts": 64}},
    )
    (down,) = run.times_of("host_down")
    (up,) = run.times_of("host_up")
    assert S < down < up
    assert len(run.times_of("closed")) == 1
    assert len(run.times_of("opened")) == 2
    failed, attempts = run.times_of("reconnection_failed"), run.times_of("reconnection_attempt")
    assert failed
    assert len(attempts) == len(failed) + 1
    gaps = [after - before for before, after in zip(failed, attempts[1:], strict=True)]
    assert all(S <= gap < S + 300 * MS for gap in gaps)
    assert len(run.times_of("reconnection_succeeded")) == 1
    ended = run.requests[run.requests.outcome == "error"].ended_ns
    assert ended.min() > S
    assert ended.max() < up + S
    assert set(run.hosts.open) == {0, 1}
