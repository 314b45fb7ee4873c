"""SIGTERM and SIGINT become an exception, so that what was started is always ended.

Python gives SIGINT as `KeyboardInterrupt` and dies of SIGTERM at once. Within `by_signals` both
raise `Ended`, so every `finally` runs; within `held` they wait, so a step that must not be cut in
two, such as creating a container or cleaning up, is not.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """A signal asked this program to end."""


@dataclass(slots=True)
class _State:
    """How many blocks of each kind the main thread is in, and whether a signal waits."""

    listening: int = 0
    holding: int = 0
    waiting: bool = False


_state = _State()


def _received(number: int, _frame: FrameType | None) -> None:
    if _state.holding:
        _state.waiting = True
        return
    raise Ended(signal.Signals(number).name)


@contextmanager
def by_signals() -> Iterator[None]:
    """Raise `Ended` in the block when a signal asks this program to end.

    May be nested. Signals reach the main thread only: in another one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if _state.listening:
        _state.listening += 1
        try:
            yield
        finally:
            _state.listening -= 1
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    _state.listening = 1
    _state.waiting = False
    try:
        for number in _SIGNALS:
            # Ignored is ignored: nohup relies on it.
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, _received)
        yield
    finally:
        _state.listening = 0
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextmanager
def held() -> Iterator[None]:
    """Let signals wait till the end of the block; then `Ended` is raised if one came.

    Where the block is left by an exception, that exception goes on instead: it ends the program's
    work just as well.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.holding += 1
    try:
        yield
    except BaseException:
        _state.holding -= 1
        if not _state.holding:
            _state.waiting = False
        raise
    _state.holding -= 1
    if not _state.holding and _state.waiting:
        _state.waiting = False
        raise Ended("a signal")
