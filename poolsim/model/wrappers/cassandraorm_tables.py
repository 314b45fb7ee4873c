"""Fills in what CassandraORM's rules read, from a scenario: no rule, called by `build`."""

from __future__ import annotations

from typing import Any, NamedTuple

from poolsim.model.policies.retry import FALLTHROUGH
from poolsim.model.records import IGNORED, REMOTE, World
from poolsim.model.wrappers.cassandraorm.fields import WHOLE
from poolsim.scenario.orm import ADVANCED, Orm, Region
from poolsim.scenario.scenario import Client, Scenario

LAST = 1 << 30
"""Priority of a region that has none."""


def fill_in(w: World, scenario: Scenario, client: Client, k: int) -> None:
    """Complete client `k` and its pools, which are there already."""
    orm = client.options.orm
    record = w.clients[k]
    record.offers_remote = int(orm.remote_hosts_serve)
    if orm.pool == ADVANCED:
        _client(record, client)
        _region_order(w, record, scenario, orm)
    first = record.first_session * w.run.nodes
    for p in range(first, first + record.instances * w.run.nodes):
        if w.hosts[p].distance != IGNORED:
            pool = w.pools[p]
            name = scenario.node_names[pool.node]
            sizes = pool_sizes(client, name, is_remote=w.hosts[p].distance == REMOTE)
            pool.orm_floor, pool.orm_initial, pool.orm_most = sizes
            pool.orm_awaited = int(orm.warm_up.enabled or name in dict(orm.preallocated))


def _client(record: Any, client: Client) -> None:
    orm = client.options.orm
    record.orm_advanced = 1
    record.retry = FALLTHROUGH  # the rules of failing_over.py ask first
    record.orm_retries = orm.retry.max_retries if client.options.retry == "default" else 0
    record.orm_retry_delay = orm.retry.delay_ns
    record.drain_timeout = orm.removal.timeout_ns if orm.removal.drains else 0
    if orm.recovery.enabled:
        record.recovery_attempts = orm.recovery.max_attempts
        record.recovery_delay = orm.recovery.delay_ns
    if orm.warm_up.enabled or orm.preallocated:
        record.orm_warm_up = 1
        record.orm_warm_up_timeout = orm.warm_up.timeout_ns
    if orm.metrics.enabled:
        record.orm_metrics_interval = orm.metrics.interval_ns
    if orm.batching.enabled:
        record.orm_batch_size = orm.batching.size
        record.orm_batch_timeout = orm.batching.timeout_ns
    if orm.health_check.enabled:
        record.orm_check_interval = orm.health_check.interval_ns
        record.orm_check_timeout = orm.health_check.timeout_ns
    if orm.circuit_breaker.enabled:
        record.orm_threshold = orm.circuit_breaker.failure_threshold
        record.orm_recovery_timeout = orm.circuit_breaker.recovery_timeout_ns
        record.orm_trials = orm.circuit_breaker.half_open_max_calls
    record.orm_log_requests = int(orm.logging.requests and orm.logging.tells("debug"))
    record.orm_log_errors = int(orm.logging.errors)
    _adaptive(record, orm)
    _failover(record, orm)


def _adaptive(record: Any, orm: Orm) -> None:
    adaptive = orm.adaptive
    if adaptive.enabled:
        record.orm_adaptive_interval = adaptive.interval_ns
        record.orm_adaptive_min = adaptive.min_connections
        record.orm_adaptive_max = adaptive.max_connections
        record.orm_target = thousandths(adaptive.target)
        record.orm_scale_up = thousandths(adaptive.scale_up)
        record.orm_scale_down = thousandths(adaptive.scale_down)


def _failover(record: Any, orm: Orm) -> None:
    failover = orm.failover
    if failover.enabled:
        record.orm_fails_over = 1
        record.orm_failovers = failover.max_retries
        record.orm_failover_delay = failover.delay_ns
        record.orm_failover_multiplier = thousandths(failover.multiplier)
        if failover.auto_discovery:
            record.orm_discovery_interval = failover.discovery_interval_ns


def thousandths(share: float) -> int:
    """A share or a factor in whole thousandths, 1 at least."""
    return max(round(share * WHOLE), 1)


class PoolSizes(NamedTuple):
    """Connections of a pool: the fewest that it keeps, those it begins with, the most."""

    floor: int
    initial: int
    most: int


def pool_sizes(client: Client, node: str, *, is_remote: bool) -> PoolSizes:
    """A pool's sizes by its distance, its region, its node's name, and adaptive pooling."""
    orm = client.options.orm
    sizes = client.options.remote if is_remote else client.options.local
    regions = {region.name: region for region in orm.regions}
    region = regions.get(node.rpartition("/")[0], Region(""))
    limit = region.max_connections
    if orm.adaptive.enabled:
        most = orm.adaptive.max_connections
        most = most if limit is None else min(most, limit)
        floor = min(orm.adaptive.min_connections, most)
    else:
        most = sizes.max if limit is None else limit
        floor = min(sizes.core, most)
    wanted = dict(orm.preallocated).get(node, 0)
    return PoolSizes(floor, max(floor, min(max(sizes.core, wanted), most)), most)


def _region_order(w: World, record: Any, scenario: Scenario, orm: Orm) -> None:
    """The datacenters in the order in which plans take their remote hosts."""
    priorities = {region.name: region.priority for region in orm.regions}
    if not any(priorities.values()):
        return
    record.region_order = len(w.rotation_nodes)
    names = [datacenter.name for datacenter in scenario.datacenters]
    order = sorted(range(len(names)), key=lambda d: (priorities.get(names[d]) or LAST, d))
    w.rotation_nodes.extend(order)
