"""A recorder that speaks CQL by itself, one connection a host: run as a script with a run.json.

It stands for the real ones in tests of the harness: same file, same lines, same CSV.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from pathlib import Path

HEADER = struct.Struct(">BBhBi")


def frame(stream: int, opcode: int, body: bytes, flags: int = 0) -> bytes:
    return HEADER.pack(4, flags, stream, opcode, len(body)) + body


def query(stream: int, number: int, text: bytes) -> bytes:
    payload = struct.pack(">HH", 1, 7) + b"poolsim" + struct.pack(">iq", 8, number)
    body = payload + struct.pack(">i", len(text)) + text + b"\x00\x01\x00"
    return frame(stream, 0x07, body, 0x04)


class Host:
    """One connection; answers come on a thread of its own."""

    def __init__(self, address: tuple[str, int], ended: dict[int, int]) -> None:
        self.sock = socket.create_connection(address, 5)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        self.numbers: dict[int, int] = {}
        self.ended = ended
        self.lost_ns = -1
        self.sock.sendall(frame(0, 0x01, struct.pack(">HH", 1, 11) + b"CQL_VERSION\x00\x053.0.0"))
        self.read()
        threading.Thread(target=self.run, daemon=True).start()

    def read(self) -> int:
        head = self.file.read(9)
        if len(head) < 9:
            raise OSError("closed")
        _, _, stream, _, length = HEADER.unpack(head)
        self.file.read(length)
        return stream

    def run(self) -> None:
        try:
            while True:
                stream = self.read()
                self.ended[self.numbers[stream]] = time.monotonic_ns()
        except OSError:
            self.lost_ns = time.monotonic_ns()


def main() -> None:
    run = json.loads(Path(sys.argv[1]).read_text())
    text = run["query"].encode()
    ended: dict[int, int] = {}
    hosts = [Host((run["translate"][host], run["port"]), ended) for host in run["hosts"]]
    if run["load"]["kind"] == "open":
        raw = Path(run["load"]["intended_ns"]).read_bytes()
        intended = [value for (value,) in struct.iter_unpack("<q", raw)]
    else:
        # Not a loop, but enough requests to see that the file is understood.
        intended = [n * 10_000_000 for n in range(len(run["load"]["phases"]) * 10)]
    print(json.dumps({"ready": True, "driver_version": "0.1", "cleanup_origin_ns": 5}), flush=True)
    start = json.loads(sys.stdin.readline())["start_ns"]
    rows = []
    for number, due in enumerate(intended):
        left = start + due - time.monotonic_ns()
        if left > 0:
            time.sleep(left * 1e-9)
        host = number % len(hosts)
        hosts[host].numbers[number % 32768] = number
        started = time.monotonic_ns()
        rows.append((number, due, started, host))
        try:
            hosts[host].sock.sendall(query(number % 32768, number, text))
        except OSError:
            continue
    time.sleep(max(0.0, (start + run["duration_ns"] - time.monotonic_ns()) * 1e-9) + 0.2)
    write(Path(run["out"]), run, rows, ended, hosts, start)
    print(json.dumps({"done": True}), flush=True)


def write(out: Path, run: dict, rows: list, ended: dict, hosts: list[Host], start: int) -> None:  # type: ignore[type-arg]
    lines = ["number,intended_ns,started_ns,ended_ns,host,outcome,error"]
    for number, due, started, host in rows:
        if number in ended:
            lines.append(f"{number},{due},{started - start},{ended[number] - start},{host},ok,")
        else:
            lines.append(f"{number},{due},{started - start},-1,-1,error,Lost")
    (out / "requests.csv").write_text("\n".join(lines) + "\n")
    lines = ["at_ns,host,open,trashed,in_flight,pending,creating"]
    for at in range(0, run["duration_ns"], run["sample_every_ns"]):
        lines += [f"{at},{host},1,0,0,0,0" for host in range(len(hosts))]
    (out / "hosts.csv").write_text("\n".join(lines) + "\n")
    lines = ["at_ns,host,kind,detail"]
    lines += [
        f"{host.lost_ns - start},{number},closed,id=0"
        for number, host in enumerate(hosts)
        if host.lost_ns >= 0
    ]
    (out / "events.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
