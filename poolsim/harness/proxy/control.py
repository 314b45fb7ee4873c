"""The control protocol: JSON lines over TCP, one reply a command, in order on each connection.

docs of the commands are in `client.py`, whose methods are the commands.
"""

from __future__ import annotations

import json
import select
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns, process_time_ns
from typing import Any

from poolsim.harness.proxy.core import Proxy
from poolsim.harness.proxy.listener import Address, Listener, parse_address
from poolsim.harness.proxy.log import RequestLog
from poolsim.harness.proxy.loop import Channel
from poolsim.harness.proxy.pacing import MOST_WORKERS, Fifo, read_services
from poolsim.harness.proxy.pair import Pair

WAIT_NS = 5_000_000_000
"""How long a command waits for what it is about."""

Reply = dict[str, Any]


class CommandError(Exception):
    """A command that cannot be done; the message says why."""


class Wait:
    """A reply that is not there yet: `look` gives it, or None."""

    def __init__(self, look: Callable[[], Reply | None], what: str) -> None:
        self.look = look
        self.what = what
        self.until_ns = monotonic_ns() + WAIT_NS


class Control:
    """Accepts control connections and does what they ask."""

    def __init__(self, address: Address) -> None:
        """Listen for control connections; port 0 takes a free one.

        Raises:
            OSError: the address is taken.
        """
        self.proxy = Proxy(self._on_turn)
        self._sessions: set[_Session] = set()
        self._used_ns = 0
        self._sock = socket.create_server(address, backlog=256)
        self._sock.setblocking(False)
        self.address: Address = self._sock.getsockname()
        self.proxy.loop.watch(self._sock.fileno(), select.EPOLLIN, self._accept)
        self._commands: dict[str, Callable[[dict[str, Any]], Reply | Wait]] = {
            "listen": self._listen,
            "close": self._close,
            "hold_connects": self._hold_connects,
            "held": lambda command: {"held": len(self._listener(command).held())},
            "refuse_oldest": self._refuse_oldest,
            "cut": self._cut,
            "exempt": self._exempt,
            "hold_responses": self._hold_responses,
            "held_responses": self._held_responses,
            "release_response": self._release_response,
            "silent": self._silent,
            "log": self._log,
            "log_end": self._log_end,
            "events": self._events,
            "status": self._status,
            "stop": self._stop,
        }

    def run(self) -> None:
        """Serve until told to stop."""
        try:
            self.proxy.loop.run()
        finally:
            for listener in list(self.proxy.listeners.values()):
                listener.close()
            self._sock.close()

    def do(self, command: dict[str, Any]) -> Reply | Wait:
        """Do one command.

        Raises:
            CommandError: it cannot be done.
        """
        name = command.get("do")
        action = self._commands.get(str(name))
        if action is None:
            known = ", ".join(self._commands)
            raise CommandError(f"no command {name!r}; there are {known}")
        try:
            return action(command)
        except KeyError as error:
            raise CommandError(f"{name} needs {error}") from None
        except (OSError, TypeError, ValueError) as error:
            raise CommandError(f"{name}: {error}") from None

    # Commands -------------------------------------------------------------------------------------

    def _listener(self, command: dict[str, Any]) -> Listener:
        listener = self.proxy.listeners.get(command["listen"])
        if listener is None:
            raise CommandError(f"nothing listens at {command['listen']}")
        return listener

    def _pair(self, command: dict[str, Any]) -> Pair:
        listener = self._listener(command)
        pair = listener.pairs.get(int(command["client_port"]))
        if pair is None:
            message = f"{listener.name} has no connection of client port {command['client_port']}"
            raise CommandError(message)
        return pair

    def _listen(self, command: dict[str, Any]) -> Reply:
        name = command["listen"]
        address = parse_address(name)
        if name in self.proxy.listeners:
            raise CommandError(f"{name} is there already")
        fifo = services = None
        pace = command.get("pace")
        if pace is not None:
            workers = int(pace["workers"])
            if not 1 <= workers <= MOST_WORKERS:
                raise CommandError(f"workers must be from 1 to {MOST_WORKERS}, not {workers}")
            fifo, services = Fifo(workers), read_services(pace)
        number = int(command.get("node", address[0].rpartition(".")[2]))
        backend = parse_address(command["backend"])
        listener = Listener(self.proxy, address, backend, number, fifo, services)
        self.proxy.listeners[name] = listener
        return {"listening": listener.is_listening}

    def _close(self, command: dict[str, Any]) -> Reply:
        self._listener(command).close()
        del self.proxy.listeners[command["listen"]]
        return {}

    def _hold_connects(self, command: dict[str, Any]) -> Reply:
        self._listener(command).hold_connects(bool(command["value"]))
        return {}

    def _refuse_oldest(self, command: dict[str, Any]) -> Wait:
        listener = self._listener(command)

        def look() -> Reply | None:
            held = listener.held()
            if not held:
                return None
            held[0].close("refused", reset=True)
            return {"client_port": held[0].client_port}

        return Wait(look, f"no handshake is held at {listener.name}")

    def _cut(self, command: dict[str, Any]) -> Reply:
        self._pair(command).close("cut", reset=True)
        return {}

    def _exempt(self, command: dict[str, Any]) -> Reply:
        self._pair(command).is_exempt = True
        return {}

    def _hold_responses(self, command: dict[str, Any]) -> Reply:
        self._listener(command).keep_responses(bool(command["value"]))
        return {}

    def _held_responses(self, command: dict[str, Any]) -> Reply:
        pairs = self._listener(command).pairs.values()
        return {"held": [[pair.client_port, stream] for pair in pairs for stream in pair.kept]}

    def _release_response(self, command: dict[str, Any]) -> Wait:
        pair, stream = self._pair(command), int(command["stream"])

        def look() -> Reply | None:
            if pair.is_closed:
                raise CommandError(f"the connection of client port {pair.client_port} has closed")
            if stream not in pair.kept:
                return None
            pair.release(stream)
            return {}

        return Wait(look, f"no response on stream {stream} of client port {pair.client_port}")

    def _silent(self, command: dict[str, Any]) -> Reply:
        self._listener(command).set_silent(bool(command["value"]))
        return {}

    def _log(self, command: dict[str, Any]) -> Reply:
        path = Path(command["path"])
        if not path.parent.is_dir():
            raise CommandError(f"there is no directory {path.parent}")
        self.proxy.log = RequestLog(path, int(command["start_ns"]))
        self._used_ns = process_time_ns()
        self.proxy.sendings.clear()
        for listener in self.proxy.listeners.values():
            listener.late_backends = 0
        return {}

    def _log_end(self, _command: dict[str, Any]) -> Reply:
        log = self.proxy.log
        if log is None:
            raise CommandError("no log was begun")
        for request, listener, pair in self.proxy.unanswered():
            self.proxy.add_row(request, listener, pair, -1)
            request.is_logged = False
        self.proxy.log = None
        late = sum(listener.late_backends for listener in self.proxy.listeners.values())
        used_ns = process_time_ns() - self._used_ns
        return {"requests": log.write(), "late_backends": late, "cpu_ns": used_ns}

    def _events(self, _command: dict[str, Any]) -> Reply:
        events = list(self.proxy.events)
        self.proxy.events.clear()
        return {"events": events}

    def _status(self, _command: dict[str, Any]) -> Reply:
        return {
            "listeners": {
                name: {"listening": listener.is_listening, "connections": len(listener.pairs)}
                for name, listener in self.proxy.listeners.items()
            }
        }

    def _stop(self, _command: dict[str, Any]) -> Reply:
        self.proxy.loop.is_running = False
        return {}

    # Sessions -------------------------------------------------------------------------------------

    def _accept(self, _events: int) -> None:
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            self._sessions.add(_Session(self, sock))

    def _on_turn(self) -> None:
        for session in list(self._sessions):
            if session.is_waiting:
                session.go_on()

    def forget(self, session: _Session) -> None:
        """A control connection has closed."""
        self._sessions.discard(session)


class _Session:
    """One control connection."""

    def __init__(self, control: Control, sock: socket.socket) -> None:
        self._control = control
        self._rest = b""
        self._lines: deque[bytes] = deque()
        self._wait: Wait | None = None
        self._channel = Channel(control.proxy.loop, sock, self._on_readable)
        self._channel.resume()

    @property
    def is_waiting(self) -> bool:
        """Whether a reply is owed."""
        return self._wait is not None

    def go_on(self) -> None:
        """Answer what can be answered now."""
        while self._wait is not None or self._lines:
            try:
                reply = self._next_reply()
            except CommandError as error:
                self._wait = None
                reply = {"ok": False, "error": str(error)}
            if reply is None:
                return
            self._channel.write(json.dumps(reply).encode() + b"\n")

    def _next_reply(self) -> Reply | None:
        if self._wait is None:
            line = self._lines.popleft()
            try:
                command = json.loads(line)
            except ValueError:
                raise CommandError("not a line of JSON") from None
            if not isinstance(command, dict):
                raise CommandError("a command is an object with a key `do`")
            result = self._control.do(command)
            if not isinstance(result, Wait):
                return {"ok": True, **result}
            self._wait = result
        found = self._wait.look()
        if found is None:
            if monotonic_ns() >= self._wait.until_ns:
                raise CommandError(f"{self._wait.what} (waited {WAIT_NS // 10**9} s)")
            return None
        self._wait = None
        return {"ok": True, **found}

    def _on_readable(self) -> None:
        data = self._channel.read()
        if data is None:
            return
        if not data:
            self._channel.close()
            self._control.forget(self)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(line for line in lines if line.strip())
        self.go_on()
