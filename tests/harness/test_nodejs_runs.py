"""The run recorder of the Node.js driver: what it refuses, and live runs."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from poolsim.harness import place
from poolsim.harness.cluster import running_cluster
from poolsim.harness.drivers import nodejs
from poolsim.harness.drivers.process import DONE_MARGIN_S, RecorderFailed
from poolsim.harness.proxy.client import ProxyControl
from poolsim.harness.proxy.process import started_proxy

pytestmark = pytest.mark.container

MS = 1_000_000
S = 1_000 * MS
LISTEN = "127.0.10.1"
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
        "driver": "nodejs",
        "options": {"keyspace": "system", "balancing": {"token_aware": False}},
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


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"loud": True}, "loud is not known here"),
    "an unknown option": ({"options": {"max": 2}}, "options.max is not known here"),
    "another driver": ({"driver": "java3"}, "driver must be nodejs"),
    "a protocol that no node speaks": ({"protocol": 2}, "protocol must be 3 or 4"),
    "changes": ({"changes": [{}]}, "changes:"),
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
    "nobody there": ({}, "no node answers"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_run_is_refused(kind: str, tmp_path: Path) -> None:
    changes, message = REFUSED[kind]
    with (
        nodejs.start(run_json(tmp_path, **changes)) as recorder,
        pytest.raises(RecorderFailed, match="exit status 3") as refused,
    ):
        recorder.ready()
    assert refused.value.status == 3
    assert message in str(refused.value)


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
    with nodejs.start(path) as recorder:
        ready = recorder.ready()
        assert ready.driver_version == "4.8.0"
        start_ns = time.monotonic_ns() + S // 2
        recorder.begin(start_ns)
        if trouble is not None:
            trouble(start_ns)
        done = dict(recorder.done(run["duration_ns"] / 1e9 + DONE_MARGIN_S))
    tables = [
        pd.read_csv(folder / "out" / f"{name}.csv") for name in ("requests", "hosts", "events")
    ]
    return Recorded(done, *tables)


def test_an_open_loop(backend: str, control: ProxyControl, tmp_path: Path) -> None:
    intended = np.arange(0, 2 * S, 5 * MS, dtype="<i8")
    (tmp_path / "intended.bin").write_bytes(intended.tobytes())
    load = {"kind": "open", "intended_ns": str(tmp_path / "intended.bin")}
    run = recorded(tmp_path, backend, load=load, options={"core": 3})
    requests = run.requests
    assert run.done["requests"] == len(requests) == len(intended)
    assert run.done["unfinished"] == 0
    assert list(requests.number) == list(range(len(intended)))
    assert list(requests.intended_ns) == list(intended)
    assert (requests.started_ns >= requests.intended_ns).all()
    assert (requests.ended_ns - requests.started_ns >= 4 * MS).all()
    assert set(requests.outcome) == {"ok"}
    assert set(requests.host) == {0}
    assert set(run.hosts.open) == {3}
    assert len(run.times_of("opened")) == 3


def test_a_closed_loop_and_what_a_full_pool_refuses(
    backend: str, control: ProxyControl, tmp_path: Path
) -> None:
    load = {"kind": "closed", "phases": [[0, 2], [S, 12]], "error_pause_ns": MS}
    run = recorded(tmp_path, backend, load=load, options={"max_requests": 8})
    early = run.hosts[run.hosts.at_ns < S]
    late = run.hosts[run.hosts.at_ns > S + S // 4]
    assert early.in_flight.max() <= 2
    assert late.in_flight.max() == 8
    assert set(run.requests.outcome) == {"ok", "rejected"}
    refused = run.requests[run.requests.outcome == "rejected"]
    assert set(refused.error) == {"NoHostAvailableError;0=BusyConnectionError"}
    assert refused.started_ns.min() >= S
    assert set(run.hosts.open) == {1}


def test_timeouts_close_a_connection(backend: str, control: ProxyControl, tmp_path: Path) -> None:
    listener = f"{LISTEN}:9042"

    def trouble(start_ns: int) -> None:
        time.sleep((start_ns + S - time.monotonic_ns()) / 1e9)
        control.silent(listener, True)
        time.sleep(3.0)
        control.silent(listener, False)

    intended = np.arange(0, 8 * S, 10 * MS, dtype="<i8")
    (tmp_path / "intended.bin").write_bytes(intended.tobytes())
    run = recorded(
        tmp_path,
        backend,
        trouble,
        load={"kind": "open", "intended_ns": str(tmp_path / "intended.bin")},
        duration_ns=8 * S,
        options={"read_timeout_ms": 1500, "reconnection": {"kind": "constant", "base_ms": 500}},
    )
    replaced = run.events[run.events.kind == "replaced"]
    assert len(replaced) >= 1
    assert "timed_out=65" in replaced.detail.iloc[0]
    assert set(run.requests.outcome) >= {"ok", "timeout"}
    assert len(run.times_of("host_up")) >= 1


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
        options={"core": 2, "reconnection": {"kind": "constant", "base_ms": 1000}},
    )
    (down,) = run.times_of("host_down")
    up = run.times_of("host_up")[0]
    assert S < down < up
    assert len(run.times_of("closed")) == 2
