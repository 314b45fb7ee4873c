"""The proxy as a process, in front of a node that answers by itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from poolsim.harness.proxy.client import ProxyControl, ProxyError
from poolsim.harness.proxy.log import LOG_COLUMNS
from tests.harness.fake_node import (
    EVENT,
    REGISTER,
    STARTUP,
    FakeNode,
    read_frame,
    request,
    response,
    status_event,
)
from tests.harness.test_proxy_pacing import plain_fifo

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
LISTEN = (f"127.0.33.{1 + WORKER}", 29042)
NODE_ADDRESS = (f"127.0.34.{1 + WORKER}", 29043)
NAME = f"{LISTEN[0]}:{LISTEN[1]}"
ARRIVED, SERVICE, DUE, BACKEND, SENT = (
    LOG_COLUMNS.index(name)
    for name in ("arrived_ns", "service_ns", "due_ns", "backend_ns", "sent_ns")
)


@pytest.fixture
def node() -> Iterator[FakeNode]:
    node = FakeNode()
    yield node
    node.kill()


@pytest.fixture
def proxy() -> Iterator[ProxyControl]:
    command = [sys.executable, "-m", "poolsim.harness.proxy", "--control", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            with ProxyControl(json.loads(process.stdout.readline())["control"]) as control:
                yield control
                control.stop()
            assert process.wait(5) == 0
        finally:
            process.kill()


class Client:
    """One client connection through the proxy."""

    def __init__(self) -> None:
        self.sock = socket.create_connection(LISTEN, 5)
        self.sock.settimeout(5)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file: BinaryIO = self.sock.makefile("rb")

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def ask(self, data: bytes) -> None:
        self.sock.sendall(data)

    def stream(self) -> int:
        return read_frame(self.file)[0]

    def streams(self, count: int) -> list[int]:
        return [self.stream() for _ in range(count)]

    def is_reset(self) -> bool:
        try:
            self.sock.recv(1)
        except ConnectionResetError:
            return True
        return False

    def hears_nothing(self, within_s: float = 0.1) -> bool:
        self.sock.settimeout(within_s)
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(5)
        return False

    def close(self) -> None:
        self.file.close()
        self.sock.close()


Connect = Callable[[], Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients, which are closed at the end."""
    clients: list[Client] = []

    def make() -> Client:
        clients.append(Client())
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def kinds(proxy: ProxyControl) -> list[str]:
    return [kind for _, listener, kind, _ in proxy.events() if listener == NAME]


def read_log(path: Path) -> np.ndarray:
    return np.fromfile(path, dtype="<i8").reshape(-1, len(LOG_COLUMNS))


def test_frames_pass_whole_also_when_they_come_in_pieces(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    assert proxy.listen(NAME, node.name)
    client = connect()
    data = request(1) + request(2, text="x" * 100_000) + request(3)
    for place in range(0, 60, 7):
        client.ask(data[place : place + 7])
        time.sleep(0.002)
    client.ask(data[63:])
    assert client.streams(3) == [1, 2, 3]
    assert node.frames == 3


def test_a_handshake_is_held_and_let_go(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    before = connect()
    proxy.hold_connects(NAME, True)
    silent, held = connect(), connect()
    held.ask(request(0, opcode=STARTUP))
    until(lambda: proxy.held(NAME) == 1)
    assert held.hears_nothing()
    assert node.frames == 0, "the node knows nothing of it"
    before.ask(request(5))
    assert before.stream() == 5, "what was connected before goes on"
    proxy.hold_connects(NAME, False)
    assert held.stream() == 0
    silent.ask(request(1))
    assert silent.stream() == 1


def test_the_oldest_handshake_is_refused(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    proxy.hold_connects(NAME, True)
    first, second = connect(), connect()
    second.ask(request(0, opcode=STARTUP))
    until(lambda: proxy.held(NAME) == 1)
    first.ask(request(0, opcode=STARTUP))
    until(lambda: proxy.held(NAME) == 2)
    assert proxy.refuse_oldest(NAME) == first.port
    assert first.is_reset()
    assert proxy.refuse_oldest(NAME) == second.port
    assert second.is_reset()
    third = connect()
    third.ask(request(0, opcode=STARTUP))
    assert proxy.refuse_oldest(NAME) == third.port, "it waits until one is held"


def test_a_connection_is_cut_on_both_sides(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    client, other = connect(), connect()
    for one in (client, other):
        one.ask(request(1))
        assert one.stream() == 1
    ended = node.ended
    proxy.cut(NAME, client.port)
    assert client.is_reset()
    until(lambda: node.ended == ended + 1)
    other.ask(request(2))
    assert other.stream() == 2
    with pytest.raises(ProxyError, match="no connection"):
        proxy.cut(NAME, client.port)


def test_responses_are_kept_back_by_stream(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    control, client = connect(), connect()
    control.ask(request(1, opcode=REGISTER))
    assert control.stream() == 1
    proxy.hold_responses(NAME, True)
    client.ask(request(1) + request(2, number=9) + request(3, text="USE system"))
    client.ask(request(4, opcode=0x05))
    assert client.streams(2) == [3, 4], "handshakes and heartbeats pass"
    control.ask(request(7))
    assert control.stream() == 7, "so does a control connection"
    until(lambda: len(proxy.held_responses(NAME)) == 2)
    proxy.release_response(NAME, client.port, 2)
    assert client.stream() == 2
    assert proxy.held_responses(NAME) == [(client.port, 1)]
    proxy.hold_responses(NAME, False)
    assert client.stream() == 1


def test_a_response_is_waited_for(node: FakeNode, proxy: ProxyControl, connect: Connect) -> None:
    proxy.listen(NAME, node.name)
    client = connect()
    client.ask(request(9))
    assert client.stream() == 9
    proxy.hold_responses(NAME, True)
    node.stall(True)
    client.ask(request(1))
    with ProxyControl(proxy.address) as other:
        # The command comes first, the response later; other control connections go on meanwhile.
        other.send("release_response", listen=NAME, client_port=client.port, stream=1)
        assert proxy.held_responses(NAME) == []
        node.stall(False)
        assert other.reply() == {"ok": True}
    assert client.stream() == 1


def test_an_exempt_connection_is_never_kept_back(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    client = connect()
    client.ask(request(1))
    assert client.stream() == 1
    proxy.exempt(NAME, client.port)
    proxy.hold_responses(NAME, True)
    client.ask(request(2))
    assert client.stream() == 2


def test_a_silent_node_accepts_nothing_and_answers_later(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    client = connect()
    client.ask(request(1))
    assert client.stream() == 1
    proxy.silent(NAME, True)
    client.ask(request(2))
    late = connect()
    late.ask(request(3))
    assert client.hears_nothing()
    assert node.frames == 1
    proxy.silent(NAME, False)
    assert client.stream() == 2
    assert late.stream() == 3
    assert [kind for kind in kinds(proxy) if kind != "accepted"] == [
        "listening",
        "silent",
        "resumed",
    ]


def test_a_node_that_dies_is_refused_and_comes_back(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    client = connect()
    client.ask(request(1))
    assert client.stream() == 1
    kinds(proxy)
    killed_ns = time.monotonic_ns()
    node.kill()
    assert client.sock.recv(1) == b""
    until(lambda: not proxy.do("status")["listeners"][NAME]["listening"])
    with pytest.raises(ConnectionRefusedError):
        connect()
    events = {kind: at for at, _, kind, _ in proxy.events()}
    assert set(events) == {"backend_closed", "not_listening"}
    assert 0 <= events["not_listening"] - killed_ns < 500_000_000
    again = FakeNode(node.address)
    try:
        until(lambda: proxy.do("status")["listeners"][NAME]["listening"])
        client = connect()
        client.ask(request(2))
        assert client.stream() == 2
        assert "listening" in kinds(proxy)
    finally:
        again.kill()


def test_a_node_that_is_not_there_yet(proxy: ProxyControl, connect: Connect) -> None:
    assert not proxy.listen(NAME, f"{NODE_ADDRESS[0]}:{NODE_ADDRESS[1]}")
    with pytest.raises(ConnectionRefusedError):
        connect()
    node = FakeNode(NODE_ADDRESS)
    try:
        until(lambda: proxy.do("status")["listeners"][NAME]["listening"])
        assert kinds(proxy) == ["not_listening", "listening"]
    finally:
        node.kill()


def test_a_paced_node_is_exactly_its_fifo(
    node: FakeNode, proxy: ProxyControl, tmp_path: Path, connect: Connect
) -> None:
    services = [3_000_000 + 1_700_000 * (n * 7 % 11) for n in range(60)]
    proxy.listen(NAME, node.name, node=4, pace={"workers": 2, "service_ns": services})
    clients = [connect(), connect()]
    start_ns = time.monotonic_ns()
    proxy.log(tmp_path / "log", start_ns)
    for number in range(60):
        clients[number % 2].ask(request(number, number))
        time.sleep(0.001)
    clients[0].ask(request(100))
    assert clients[0].stream() in range(101), "what has no number is not paced"
    for client in clients:
        streams = [client.stream() for _ in range(30)]
        assert len(set(streams)) == 30
    assert proxy.log_end().requests == 60
    rows = read_log(tmp_path / "log")
    rows = rows[np.argsort(rows[:, 0])]
    assert rows[:, 0].tolist() == list(range(60))
    assert set(rows[:, 2].tolist()) == {4}
    assert rows[:, 3].tolist() == [clients[n % 2].port for n in range(60)]
    assert rows[:, SERVICE].tolist() == services
    order = rows[np.argsort(rows[:, ARRIVED], kind="stable")]
    jobs = [(int(row[ARRIVED]) + start_ns, int(row[SERVICE])) for row in order]
    assert (order[:, DUE] + start_ns).tolist() == plain_fifo(2, jobs)
    assert (rows[:, SENT] >= rows[:, DUE]).all(), "never early"
    assert np.median(rows[:, SENT] - np.maximum(rows[:, DUE], rows[:, BACKEND])) < 5_000_000


def test_a_status_event_is_one_of_the_node_that_it_is_about(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    client = connect()
    client.ask(request(1))
    assert client.stream() == 1
    about_it = bytes(int(part) for part in node.address[0].split("."))
    for body in (
        status_event("STATUS_CHANGE", "DOWN", about_it),
        status_event("STATUS_CHANGE", "UP", bytes((127, 9, 9, 9))),
        status_event("TOPOLOGY_CHANGE", "NEW_NODE", about_it),
        status_event("STATUS_CHANGE", "UP", about_it)[:12],
        status_event("STATUS_CHANGE", "UP", about_it),
    ):
        node.connections[-1].sendall(response(-1, body, EVENT))
        assert client.stream() == -1, "it is passed on"
    told = [event for event in proxy.events() if event[2].startswith("status_")]
    assert [(listener, kind) for _, listener, kind, _ in told] == [
        (NAME, "status_down"),
        (NAME, "status_up"),
    ]
    assert {port for *_, port in told} == {client.port}


def test_a_node_slower_than_its_pace_is_counted(
    node: FakeNode, proxy: ProxyControl, tmp_path: Path, connect: Connect
) -> None:
    proxy.listen(NAME, node.name, pace={"workers": 8, "service_ns": [1_000_000]})
    client = connect()
    proxy.log(tmp_path / "log", time.monotonic_ns())
    node.stall(True)
    client.ask(request(1, 0))
    time.sleep(0.02)
    node.stall(False)
    assert client.stream() == 1
    client.ask(request(2, 0))
    assert client.stream() == 2
    logged = proxy.log_end()
    assert logged.requests == 2
    assert logged.late_backends >= 1
    assert 0 < logged.cpu_ns < 1_000_000_000
    rows = read_log(tmp_path / "log")
    assert rows[0, BACKEND] > rows[0, DUE]
    assert rows[0, SENT] >= rows[0, BACKEND]
    assert rows[:, 1].tolist() == [0, 1], "the second sending of the same number"


def test_a_paced_node_that_stands_still_goes_on_with_what_it_had(
    node: FakeNode, proxy: ProxyControl, tmp_path: Path, connect: Connect
) -> None:
    proxy.listen(NAME, node.name, pace={"workers": 1, "service_ns": [100_000_000]})
    client = connect()
    proxy.log(tmp_path / "log", time.monotonic_ns())
    client.ask(request(1, 0) + request(2, 1))
    time.sleep(0.05)
    proxy.silent(NAME, True)
    assert client.hears_nothing(0.3)
    proxy.silent(NAME, False)
    assert client.streams(2) == [1, 2]
    proxy.log_end()
    events = {kind: at for at, _, kind, _ in proxy.events()}
    stood_ns = events["resumed"] - events["silent"]
    rows = read_log(tmp_path / "log")
    first = rows[0, DUE] - rows[0, ARRIVED]
    assert first == 100_000_000 + stood_ns
    assert rows[1, DUE] - rows[0, DUE] == 100_000_000


def test_what_is_under_way_at_the_end_of_the_log_is_in_it(
    node: FakeNode, proxy: ProxyControl, tmp_path: Path, connect: Connect
) -> None:
    proxy.listen(NAME, node.name, pace={"workers": 1, "service_ns": [200_000_000]})
    stays, leaves = connect(), connect()
    proxy.log(tmp_path / "log", time.monotonic_ns())
    leaves.ask(request(1, 11))
    time.sleep(0.05)
    stays.ask(request(1, 12))
    time.sleep(0.05)
    leaves.close()
    time.sleep(0.05)
    assert not (tmp_path / "log").exists(), "whole or not at all"
    logged = proxy.log_end()
    assert (logged.requests, logged.late_backends) == (2, 0)
    rows = read_log(tmp_path / "log")
    assert sorted(rows[:, 0].tolist()) == [11, 12]
    assert set(rows[:, SENT].tolist()) == {-1}
    assert stays.stream() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_log_that_cannot_be_written_leaves_nothing(proxy: ProxyControl, tmp_path: Path) -> None:
    with pytest.raises(ProxyError, match="no directory"):
        proxy.log(tmp_path / "missing" / "log", 0)
    with pytest.raises(ProxyError, match="no log"):
        proxy.log_end()
    (tmp_path / "taken").mkdir()
    proxy.log(tmp_path / "taken", 0)
    with pytest.raises(ProxyError, match="taken"):
        proxy.log_end()
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_node_that_answers_nothing_is_noticed(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name, pace={"workers": 1, "service_ns": [1_000_000]})
    client = connect()
    client.ask(request(1, 0))
    assert client.stream() == 1
    node.stall(True)
    asked_ns = time.monotonic_ns()
    client.ask(request(2, 1))
    time.sleep(0.4)
    node.stall(False)
    assert client.stream() == 2
    time.sleep(0.1)
    events = {kind: at for at, _, kind, _ in proxy.events()}
    assert events["answers_nothing"] <= asked_ns, "dated to when it answered last"
    assert events["answers_again"] > asked_ns


def test_another_protocol_passes_unread(
    node: FakeNode, proxy: ProxyControl, connect: Connect
) -> None:
    proxy.listen(NAME, node.name)
    client = connect()
    client.ask(b"\x05" + request(1)[1:])
    assert client.stream() == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ({"do": "jump"}, "no command"),
        ({"do": "listen"}, "listen"),
        ({"do": "listen", "listen": "10.0.0.1:9042", "backend": "127.0.0.1:1"}, "loopback"),
        ({"do": "listen", "listen": NAME, "backend": NAME, "pace": {"workers": 0}}, "workers"),
        ({"do": "held", "listen": "127.0.0.1:1"}, "nothing listens"),
        ({"do": "hold_connects"}, "listen"),
    ],
)
def test_a_wrong_command_is_an_error_and_nothing_more(
    proxy: ProxyControl, command: dict[str, object], message: str
) -> None:
    values = {key: value for key, value in command.items() if key != "do"}
    with pytest.raises(ProxyError, match=message):
        proxy.do(str(command["do"]), **values)
    assert proxy.do("status")["listeners"] == {}


def test_an_address_that_is_taken(node: FakeNode, proxy: ProxyControl, connect: Connect) -> None:
    with pytest.raises(ProxyError, match="in use"):
        proxy.listen(node.name, node.name)
    proxy.listen(NAME, node.name)
    with pytest.raises(ProxyError, match="already"):
        proxy.listen(NAME, node.name)
    client = connect()
    proxy.close(NAME)
    assert client.is_reset()
    proxy.listen(NAME, node.name)
