"""What a node is started with: the same for the image `cassandra:5.0` and the one built here.

Sources: the variables are those of the official image's entry point; `JVM_EXTRA_OPTS` comes last on
the node's command line (conf/cassandra-env.sh of Cassandra 5.0), so it overrides the rest.
"""

from __future__ import annotations

from poolsim.harness.place import Place

STOCK_IMAGE = "cassandra:5.0"

NATIVE_PORT = 9042
STORAGE_PORT = 7000

MAX_NODES = 9

DATACENTER = "datacenter1"
"""The datacenter that SimpleSnitch puts every node into."""

HEAP_MIB = 768
MEMORY_MIB = 1536
"""A node's limit; started, it uses 960 MiB, of which 768 are heap."""

STARTS_WITHIN_S = 240.0
"""How long a cluster may take: 7 s a node where a core is free for it."""

LABEL = "poolsim.harness"
"""Label of every container of a harness; its value is the harness's name."""

LABEL_NODE = "poolsim.harness.node"
LABEL_NODES = "poolsim.harness.nodes"
LABEL_ADDRESS = "poolsim.harness.address"
LABEL_OWNER = "poolsim.harness.owner"
"""Who removes the cluster when it ends: the identity of a process; empty for `cluster up`."""


STARTING = "-starting"
"""End of a container's name until the whole cluster is well: labels cannot be changed, names can.
A cluster whose start was cut off is known by it."""


def container_name(place: Place, node: int) -> str:
    """The name of a node's container."""
    if place == Place():
        return f"poolsim-node-{node}"
    return f"poolsim-{place.name}-node-{node}"


def environment(place: Place, node: int, nodes: int) -> dict[str, str]:
    """The variables that configure a node, counted from 1, of so many."""
    address = place.address(node)
    return {
        "CASSANDRA_CLUSTER_NAME": "poolsim",
        "CASSANDRA_LISTEN_ADDRESS": address,
        "CASSANDRA_BROADCAST_ADDRESS": address,
        "CASSANDRA_RPC_ADDRESS": address,
        # A seed does not bootstrap: all may start at once, and none waits for another.
        "CASSANDRA_SEEDS": ",".join(place.address(k + 1) for k in range(nodes)),
        "CASSANDRA_ENDPOINT_SNITCH": "SimpleSnitch",
        "CASSANDRA_NUM_TOKENS": "1",
        "MAX_HEAP_SIZE": f"{HEAP_MIB}M",
        # Read together with the heap's size, or the official image refuses to start.
        "HEAP_NEWSIZE": f"{HEAP_MIB // 4}M",
        "JVM_EXTRA_OPTS": " ".join(_options(node, nodes)),
    }


def _options(node: int, nodes: int) -> list[str]:
    return [
        # The official image asks for G1, and two collectors at once are refused.
        "-XX:-UseG1GC",
        "-XX:+UseSerialGC",
        # The nodes share the host's loopback: a fixed port for JMX would serve one of them only.
        "-Dcassandra.jmx.local.port=0",
        # Waits that protect data and clusters that somebody needs.
        "-Dcassandra.ring_delay_ms=1000",
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        f"-Dcassandra.initial_token={_token(node, nodes)}",
    ]


def _token(node: int, nodes: int) -> int:
    """A node's token: the ring of the Murmur3 partitioner, cut into equal parts."""
    return -(1 << 63) + (1 << 64) * node // (nodes + 1)
