"""What CassandraORM adds to its driver's options, drawn: mostly switched on, with times that fit a
run of a minute or five."""

from __future__ import annotations

from dataclasses import replace

from poolsim.fidelity.generator.dice import Dice
from poolsim.fidelity.generator.options import Setting
from poolsim.fidelity.generator.outline import DISTANCE, GROWTH, SECOND_NS
from poolsim.scenario.cassandraorm_options import IDLE_TIMEOUT_NS
from poolsim.scenario.orm import (
    ADVANCED,
    BASIC,
    LEVELS,
    Adaptive,
    Batching,
    CircuitBreaker,
    Failover,
    HealthCheck,
    LoadBalancing,
    Logging,
    Metrics,
    Orm,
    Recovery,
    Region,
    Removal,
    Retry,
    WarmUp,
)
from poolsim.scenario.scenario import Datacenter, Options

MILLISECOND_NS = 1_000_000
_POLICIES = (
    "DefaultLoadBalancingPolicy",
    "RoundRobinPolicy",
    "DCAwareRoundRobinPolicy",
    "TokenAwarePolicy",
)


def draw_orm(
    dice: Dice, setting: Setting, options: Options, datacenters: tuple[Datacenter, ...]
) -> Options:
    """The options with all that the wrapper adds; of other drivers as they are."""
    if not options.orm.pool:
        return options
    basic = dice.yes(8)
    orm = Orm(
        pool=BASIC if basic else ADVANCED,
        core_ignored=dice.one_of((0, 0, 1)),
        max_ignored=dice.one_of((0, 0, 4)),
        load_balancing=_balancing(dice, setting),
        consistency=dice.one_of(("LOCAL_ONE", "LOCAL_QUORUM", "ONE")),
        removal=Removal(dice.yes(50), dice.one_of((50, 500, 5_000)) * MILLISECOND_NS),
        retry=Retry(
            dice.one_of(("DefaultRetryPolicy",) * 3 + ("FallthroughRetryPolicy",)),
            dice.one_of((0, 1, 3)),
            dice.one_of((0, 20, 1_000)) * MILLISECOND_NS,
        ),
        logging=Logging(dice.one_of(LEVELS), dice.yes(50), dice.yes(60), dice.yes(50)),
    )
    if basic:
        options = replace(options, idle_timeout_ns=IDLE_TIMEOUT_NS)
        orm = _plain(orm)
    else:
        orm = _advanced(dice, setting, orm, datacenters)
    completed: Options = setting.driver.complete(replace(options, orm=orm))
    return completed


def in_haste(options: Options) -> Options:
    """The options with delays before another try that hardly hold anything up; the plain pool
    has none."""
    orm = options.orm
    if orm.pool == BASIC:
        return options
    retry = replace(orm.retry, delay_ns=min(orm.retry.delay_ns, 20 * MILLISECOND_NS))
    failover = replace(orm.failover, delay_ns=min(orm.failover.delay_ns, 20 * MILLISECOND_NS))
    return replace(options, orm=replace(orm, retry=retry, failover=failover))


def _balancing(dice: Dice, setting: Setting) -> LoadBalancing:
    policy = dice.one_of((*_POLICIES, "TokenAwarePolicy"))
    child = dice.one_of(("RoundRobinPolicy", "DCAwareRoundRobinPolicy"))
    remote = dice.one_of((0, 0, 1, 2))
    if setting.about(DISTANCE) and dice.yes(70):
        policy = dice.one_of(("DCAwareRoundRobinPolicy", "TokenAwarePolicy"))
        child, remote = "DCAwareRoundRobinPolicy", dice.one_of((1, 2))
    return LoadBalancing(policy, child, dice.yes(60), remote, dice.yes(60))


def _plain(orm: Orm) -> Orm:
    """What the plain pool has of it."""
    balancing = orm.load_balancing
    return replace(
        orm,
        load_balancing=LoadBalancing(balancing.policy, balancing.child_policy),
        removal=Removal(),
        retry=Retry(orm.retry.policy),
        logging=Logging(),
    )


def _advanced(dice: Dice, setting: Setting, orm: Orm, datacenters: tuple[Datacenter, ...]) -> Orm:
    adaptive = Adaptive(
        enabled=dice.yes(60 if setting.about(GROWTH) else 20),
        min_connections=dice.one_of((1, 1, 2)),
        max_connections=dice.one_of((2, 5, 20)),
        interval_ns=dice.one_of((1, 3, 30)) * SECOND_NS,
    )
    breaker = CircuitBreaker(
        dice.yes(60),
        dice.one_of((1, 2, 5)),
        dice.one_of((200, 1_000, 5_000, 30_000)) * MILLISECOND_NS,
        dice.one_of((1, 3)),
    )
    failover = Failover(
        enabled=dice.yes(60),
        max_retries=dice.one_of((1, 3)),
        delay_ns=dice.one_of((0, 50, 1_000)) * MILLISECOND_NS,
        multiplier=dice.one_of((0.5, 1.0, 2.0)),
        auto_discovery=dice.yes(60),
        discovery_interval_ns=dice.one_of((2, 10, 60)) * SECOND_NS,
    )
    check = HealthCheck(
        dice.yes(50),
        dice.one_of((1, 3, 10)) * SECOND_NS,
        dice.one_of((200, 1_000, 5_000)) * MILLISECOND_NS + setting.round_trips_ns(2),
    )
    return replace(
        orm,
        warm_up=WarmUp(dice.yes(60), dice.one_of((1, 500, 10_000)) * MILLISECOND_NS),
        metrics=Metrics(dice.yes(60), dice.one_of((1, 5, 20)) * SECOND_NS),
        batching=Batching(
            dice.yes(30), dice.one_of((1, 3, 10)), dice.one_of((1, 10, 100)) * MILLISECOND_NS
        ),
        adaptive=adaptive,
        circuit_breaker=breaker,
        failover=failover,
        health_check=check,
        recovery=Recovery(
            dice.yes(50), dice.one_of((1, 2, 5)), dice.one_of((50, 500, 2_000)) * MILLISECOND_NS
        ),
        preallocated=_preallocated(dice, datacenters),
        regions=_regions(dice, datacenters),
    )


def _preallocated(dice: Dice, datacenters: tuple[Datacenter, ...]) -> tuple[tuple[str, int], ...]:
    if dice.yes(60):
        return ()
    return tuple(
        (f"{datacenter.name}/{k + 1}", dice.one_of((1, 3, 8)))
        for datacenter in datacenters
        for k in range(datacenter.nodes)
        if dice.yes(40)
    )


def _regions(dice: Dice, datacenters: tuple[Datacenter, ...]) -> tuple[Region, ...]:
    if dice.yes(60):
        return ()
    return tuple(
        Region(
            datacenter.name,
            dice.one_of((None, 1, 3, 16)),
            dice.one_of((None, 1, 2, 3)),
        )
        for datacenter in datacenters
        if dice.yes(70)
    )
