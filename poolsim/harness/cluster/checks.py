"""What must be so before a cluster can start; each gives an error that says what to do."""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path

from poolsim.harness.cluster.settings import MAX_NODES, MEMORY_MIB, NATIVE_PORT, STORAGE_PORT
from poolsim.harness.not_ready import NotReady
from poolsim.harness.place import Place

_RESERVE_MIB = 256
"""What is left for the rest of the machine."""

_MEMORY = Path("/proc/meminfo")


def check_nodes(nodes: int) -> None:
    """Refuse a number of nodes that no cluster here has."""
    if not 1 <= nodes <= MAX_NODES:
        raise ValueError(f"a cluster has 1 to {MAX_NODES} nodes, not {nodes}")


def check_platform() -> None:
    """The nodes have loopback addresses of their own, which only Linux gives freely."""
    if not sys.platform.startswith("linux"):
        raise NotReady("the cluster needs Linux: its nodes are 127.0.0.1, 127.0.0.2, …")


def check_addresses(place: Place, nodes: int) -> None:
    """Refuse when an address and port that a node needs is taken."""
    taken = []
    for node in range(1, nodes + 1):
        for port in (NATIVE_PORT, STORAGE_PORT):
            address = place.address(node)
            if _is_taken(address, port):
                who = occupant(address, port)
                taken.append(f"{address}:{port}" + (f" (by {who})" if who else ""))
    if taken:
        raise NotReady(
            f"in use, and needed for the cluster: {', '.join(taken)}. End what listens there, "
            "then try again"
        )


def check_memory(nodes: int) -> None:
    """Refuse when the machine has too little memory available for so many nodes."""
    available = available_mib()
    needed = nodes * MEMORY_MIB + _RESERVE_MIB
    if available is not None and available < needed:
        fitting = max((available - _RESERVE_MIB) // MEMORY_MIB, 0)
        advice = f"try --nodes {fitting}" if fitting else "end other programs"
        raise NotReady(
            f"too little memory for {nodes} node{'s' if nodes > 1 else ''}: {needed} MiB needed, "
            f"{available} MiB available; {advice}"
        )


def available_mib() -> int | None:
    """Memory that programs can still get, in MiB; None where the system does not tell."""
    try:
        lines = _MEMORY.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key == "MemAvailable":
            return int(value.split()[0]) // 1024
    return None


def occupant(address: str, port: int) -> str | None:
    """The program that listens there, as "java, process 123"; None when it cannot be seen."""
    inodes = _listening(address, port)
    for name in os.listdir("/proc") if inodes else ():
        if not name.isdigit():
            continue
        try:
            for handle in os.listdir(f"/proc/{name}/fd"):
                target = os.readlink(f"/proc/{name}/fd/{handle}")
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    program = Path(f"/proc/{name}/comm").read_text().strip()
                    return f"{program}, process {name}"
        except OSError:
            # Another user's, or it ended meanwhile.
            continue
    return None


def _listening(address: str, port: int) -> set[str]:
    """Inodes of the sockets that listen on an address and port, or on every address."""
    # The kernel writes each word of an address as it lies in memory.
    words = struct.unpack("=I", socket.inet_aton(address))[0]
    places = {f"{words:08X}", "0" * 8, "0" * 32, f"{'0' * 16}{'FFFF0000'}{words:08X}"}
    listening_state = "0A"
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            place, _, number = fields[1].rpartition(":")
            if fields[3] == listening_state and place in places and int(number, 16) == port:
                inodes.add(fields[9])
    return inodes


def _is_taken(address: str, port: int) -> bool:
    with socket.socket() as attempt:
        # As Java does it: connections that are winding down do not count.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((address, port))
            attempt.listen(1)
        except OSError:
            return True
    return False
