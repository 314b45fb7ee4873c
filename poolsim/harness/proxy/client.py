"""`ProxyControl`: the proxy's commands from Python."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TIMEOUT_S = 15.0


class ProxyError(Exception):
    """The proxy could not do a command, or is gone."""


@dataclass(frozen=True, slots=True)
class LogEnd:
    """What a log holds: its rows, how many responses of nodes came after their due time, and the
    processor time that the proxy has used since its beginning, in ns.
    """

    requests: int
    late_backends: int
    cpu_ns: int


class ProxyControl:
    """One control connection; commands are done in order. Not for several threads at once."""

    def __init__(self, address: str) -> None:
        """Connect to `127.0.0.1:PORT`, as the proxy printed it.

        Raises:
            ProxyError: nothing is there.
        """
        self.address = address
        host, _, port = address.rpartition(":")
        try:
            self._sock = socket.create_connection((host, int(port)), TIMEOUT_S)
        except OSError as error:
            raise ProxyError(f"no proxy answers at {address}: {error}") from None
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._sock.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close_control()

    def close_control(self) -> None:
        """Close the control connection; the proxy goes on."""
        self._file.close()
        self._sock.close()

    def do(self, command: str, **values: Any) -> dict[str, Any]:
        """Do any command and return its reply.

        Raises:
            ProxyError: the proxy refused it, or is gone.
        """
        self.send(command, **values)
        reply = self.reply()
        if not reply.get("ok"):
            raise ProxyError(str(reply.get("error")))
        return reply

    def send(self, command: str, **values: Any) -> None:
        """Send a command; `reply` waits for its reply.

        Raises:
            ProxyError: the proxy is gone.
        """
        try:
            self._sock.sendall(json.dumps({"do": command, **values}).encode() + b"\n")
        except OSError as error:
            raise ProxyError(f"the proxy is gone: {error}") from None

    def reply(self) -> dict[str, Any]:
        """The reply to the oldest command that has none yet, also one that was refused.

        Raises:
            ProxyError: the proxy is gone.
        """
        try:
            line = self._file.readline()
        except OSError as error:
            raise ProxyError(f"the proxy is gone: {error}") from None
        if not line:
            raise ProxyError("the proxy is gone")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def listen(
        self, listen: str, backend: str, *, node: int = 0, pace: dict[str, Any] | None = None
    ) -> bool:
        """Stand for the node at `backend` under the address `listen`.

        Args:
            listen: such as 127.0.1.1:9042.
            backend: such as 127.0.0.1:9042.
            node: what the log calls it.
            pace: None, or `{"workers": 8, "service_ns": [...]}` (pacing.read_services).

        Returns:
            Whether the node accepts connections; if not, the proxy listens as soon as it does.
        """
        return bool(
            self.do("listen", listen=listen, backend=backend, node=node, pace=pace)["listening"]
        )

    def close(self, listen: str) -> None:
        """Listen no longer at an address, and reset its connections."""
        self.do("close", listen=listen)

    def hold_connects(self, listen: str, value: bool) -> None:
        """Accept new connections but forward nothing of them; False lets all that are held go."""
        self.do("hold_connects", listen=listen, value=value)

    def held(self, listen: str) -> int:
        """How many handshakes are held that have sent their first frame."""
        return int(self.do("held", listen=listen)["held"])

    def refuse_oldest(self, listen: str) -> int:
        """Wait (at most 5 s) until a handshake is held, and reset it; its client port."""
        return int(self.do("refuse_oldest", listen=listen)["client_port"])

    def cut(self, listen: str, client_port: int) -> None:
        """Reset a connection on both sides."""
        self.do("cut", listen=listen, client_port=client_port)

    def exempt(self, listen: str, client_port: int) -> None:
        """Never keep back responses of this connection (known of control connections)."""
        self.do("exempt", listen=listen, client_port=client_port)

    def hold_responses(self, listen: str, value: bool) -> None:
        """Keep back responses to QUERY and EXECUTE, but those of handshakes and of connections
        that are exempt; False lets all go.
        """
        self.do("hold_responses", listen=listen, value=value)

    def held_responses(self, listen: str) -> list[tuple[int, int]]:
        """Client port and stream id of each response that is kept back."""
        return [(port, stream) for port, stream in self.do("held_responses", listen=listen)["held"]]

    def release_response(self, listen: str, client_port: int, stream: int) -> None:
        """Wait (at most 5 s) for a response that is kept back, and let it go."""
        self.do("release_response", listen=listen, client_port=client_port, stream=stream)

    def silent(self, listen: str, value: bool) -> None:
        """Stand still as a paused process: nothing is read, accepted or sent."""
        self.do("silent", listen=listen, value=value)

    def log(self, path: Path, start_ns: int) -> None:
        """Log numbered requests from now on, times from `start_ns`; `log_end` writes the file."""
        self.do("log", path=str(path), start_ns=start_ns)

    def log_end(self) -> LogEnd:
        """Write the log, whole or not at all."""
        reply = self.do("log_end")
        return LogEnd(int(reply["requests"]), int(reply["late_backends"]), int(reply["cpu_ns"]))

    def events(self) -> list[tuple[int, str, str, int]]:
        """What happened since the last call: time in ns, listener, kind, client port (-1: none).

        A status event that any node sent (kind status_up or status_down) is one of the listener in
        front of the node that it is about.
        """
        return [
            (int(at), str(listen), str(kind), int(port))
            for at, listen, kind, port in self.do("events")["events"]
        ]

    def stop(self) -> None:
        """End the proxy."""
        self.do("stop")
