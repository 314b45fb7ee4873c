"""Which harness this is: the name on its containers and processes, and its loopback addresses.

Two harnesses with different names and networks live side by side and never remove what is the
other's; tests use that. Users have one, and never see the name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

NAME_VARIABLE = "POOLSIM_HARNESS_NAME"
NETWORK_VARIABLE = "POOLSIM_HARNESS_NETWORK"

_NAME = "1"
_NETWORK = "127.0.0"


@dataclass(frozen=True, slots=True)
class Place:
    """A harness's name and the first three bytes of its nodes' addresses."""

    name: str = _NAME
    network: str = _NETWORK

    def address(self, node: int) -> str:
        """The loopback address of a node, counted from 1."""
        return f"{self.network}.{node}"


def current() -> Place:
    """The place that the environment names; by default "1" on 127.0.0."""
    return Place(
        name=os.environ.get(NAME_VARIABLE) or _NAME,
        network=os.environ.get(NETWORK_VARIABLE) or _NETWORK,
    )
