"""Whether a node serves, and whether a ring is whole, as a client sees it."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from poolsim.harness.cluster import cql
from poolsim.harness.cluster.settings import NATIVE_PORT

_LOCAL = "SELECT schema_version FROM system.local"
# What drivers need of a peer: they leave out one that lacks any of it.
_PEERS = "SELECT peer, schema_version, host_id, rpc_address, tokens FROM system.peers"


def answers(address: str, within_s: float = 5.0) -> bool:
    """Whether a node answers a query on its native port."""
    return _query(address, _LOCAL, within_s) is not None


def ring_of(address: str, within_s: float = 5.0) -> dict[str, bytes | None]:
    """A node's view: address -> schema version of each member of the ring, itself included.

    Empty when it does not answer; without the peers that it does not fully know yet.
    """
    local = _query(address, _LOCAL, within_s)
    peers = _query(address, _PEERS, within_s)
    if not local or peers is None:
        return {}
    ring = {address: local[0][0]}
    for row in peers:
        if row[0] is not None and None not in row:
            ring[socket.inet_ntoa(row[0])] = row[1]
    return ring


def is_whole(addresses: Sequence[str], within_s: float = 5.0) -> bool:
    """Whether all these nodes answer, know exactly each other, and agree on the schema."""
    for address in addresses:
        ring = ring_of(address, within_s)
        if set(ring) != set(addresses) or len(set(ring.values())) != 1:
            return False
    return True


def _query(address: str, statement: str, within_s: float) -> list[list[bytes | None]] | None:
    try:
        return cql.query(address, NATIVE_PORT, statement, within_s)
    except (OSError, cql.ProtocolError):
        return None
