"""The control port of the harness's proxy, as the recorders use it."""

from __future__ import annotations

import json
import socket
from typing import Any


class ProxyError(Exception):
    """The proxy refused a command; the message is its own."""


class ProxyControl:
    """A connection to a proxy's control port: one JSON line each way per command."""

    def __init__(self, address: str) -> None:
        """Connect to `host:port`.

        Raises:
            OSError: nothing listens there.
        """
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Give a command and return the reply.

        Raises:
            ProxyError: the proxy says no.
            OSError: the proxy is gone, or silent for 20 s.
        """
        self._socket.sendall(json.dumps({"do": command, **arguments}).encode() + b"\n")
        while b"\n" not in self._unread:
            read = self._socket.recv(65536)
            if not read:
                raise ConnectionError("the proxy closed its control connection")
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        if not reply.get("ok"):
            raise ProxyError(f"{command}: {reply.get('error', reply)}")
        return reply

    def close(self) -> None:
        """Close the control connection; the proxy goes on."""
        self._socket.close()
