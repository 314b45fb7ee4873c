"""A harness of the tests' own: its containers and processes never mix with others'."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from poolsim.harness import place, processes


@dataclass(frozen=True)
class Own:
    """Name and network of a test's harness."""

    name: str
    network: str

    @property
    def address(self) -> str:
        return f"{self.network}.1"


@pytest.fixture
def own(monkeypatch):
    """Name and network of its own, in this process and all that it starts."""
    harness = Own(f"test-{secrets.token_hex(4)}", f"127.{200 + secrets.randbelow(50)}.77")
    monkeypatch.setenv(place.NAME_VARIABLE, harness.name)
    monkeypatch.setenv(place.NETWORK_VARIABLE, harness.network)
    yield harness
    processes.kill_all()


@pytest.fixture
def wait_until():
    def wait(condition: Callable[[], object], within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.01)

    return wait
