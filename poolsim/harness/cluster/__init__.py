"""A Cassandra cluster of containers on loopback addresses, with faults on demand."""

from poolsim.harness.cluster.lifecycle import Removed, down, running_cluster, status, up
from poolsim.harness.cluster.nodes import Cluster, Node

__all__ = ["Cluster", "Node", "Removed", "down", "running_cluster", "status", "up"]
