"""Clients of a random scenario."""

from __future__ import annotations

from dataclasses import dataclass, replace

from poolsim.engine.draws import Draws
from poolsim.fidelity.generator.dice import Dice
from poolsim.fidelity.generator.loads import Demand, draw_load
from poolsim.fidelity.generator.options import STREAMS, Setting, draw_options, drawn_drivers
from poolsim.fidelity.generator.orm import draw_orm, in_haste
from poolsim.fidelity.generator.outline import (
    ABANDONMENT,
    DISTANCE,
    EXHAUSTION,
    GROWTH,
    RESTARTS,
    SECOND_NS,
    SILENCE,
    STARVATION,
    STORM,
    Outline,
)
from poolsim.model.drivers.registry import DRIVERS as MODEL_DRIVERS
from poolsim.model.drivers.traits import Traits
from poolsim.scenario.drivers import DRIVERS, Driver
from poolsim.scenario.scenario import Client, Datacenter, Kernel, Options

_NAMES = ("api", "batch", "reports")
_PROTOCOLS = (1, 2, 2, 3, 4, 4, 5)
_MODERN_PROTOCOLS = (3, 4, 5)
_TROUBLE = frozenset((STARVATION, STORM, SILENCE, RESTARTS, DISTANCE))
_CORE_OF_BLOCKING = 2
"""Connections of a pool of which one may break while its host goes on."""
_BLOCKING_PERCENT = 25
"""Of starved clients with several hosts: one breaks, and what it had blocks at the next."""
_WAITING_PERCENT = 15
"""Of the others: where what finds no stream id waits on its connection."""
_LATE = 1_500
"""Requests of an abandonment that keep an exhausted connection in use."""
MICROSECOND_NS = 1_000
MILLISECOND_NS = 1_000_000


def draw_clients(
    draws: Draws, outline: Outline, datacenters: tuple[Datacenter, ...]
) -> tuple[tuple[Client, ...], dict[str, Setting]]:
    """One to three clients that share the load, and by name what their options were drawn for."""
    dice = Dice(draws, "clients")
    alone = STARVATION in outline.themes or EXHAUSTION in outline.themes
    count = 1 if alone else dice.one_of((1, 1, 1, 2, 2, 3))
    instances = [1 if alone else dice.one_of((1, 1, 1, 2, 3)) for _ in range(count)]
    nodes = sum(datacenter.nodes for datacenter in datacenters)
    pools = sum(instances) * nodes
    if pools > 80:
        instances = [1] * count
        pools = count * nodes
    clients: list[Client] = []
    settings: dict[str, Setting] = {}
    for k in range(count):
        size = _Size(instances[k], _share(outline.requests, k, count), k > 0, pools)
        dice = Dice(draws, f"client {k}")
        client, setting = _client(dice, outline, datacenters, _NAMES[k], size)
        client = _with_kernel(Dice(draws, f"kernel {k}"), client)
        if EXHAUSTION not in outline.themes:  # which is a matter of when requests come
            client = _with_wrapper(Dice(draws, f"wrapper {k}"), client)
        orm = draw_orm(Dice(draws, f"orm {k}"), setting, client.options, datacenters)
        if client.max_concurrent and orm.orm.pool:
            orm = in_haste(orm)  # what waits for another try holds a place within the limit
        client = replace(client, options=orm)
        clients.append(client)
        settings[client.name] = setting
    return tuple(clients), settings


def _with_kernel(dice: Dice, client: Client) -> Client:
    """Keepalive on or off, and a kernel that is quicker to probe and to give up than Linux is."""
    kernel = Kernel(
        keepalive_time_ns=dice.one_of((1, 2, 5, 20)) * SECOND_NS,
        keepalive_interval_ns=dice.one_of((200 * MILLISECOND_NS, SECOND_NS)),
        keepalive_probes=dice.one_of((1, 2, 9)),
        retries=dice.one_of((0, 3, 5, 15)),
    )
    options = replace(client.options, keepalive=dice.yes(40))
    return replace(client, options=options, kernel=kernel)


def _with_wrapper(dice: Dice, client: Client) -> Client:
    """What may sit on the client's driver, now and then, with any of its settings."""
    wrappers = [one for one in DRIVERS.values() if one.rules == client.driver]
    if client.per_request_ns and dice.yes(50):
        client = replace(client, crosstalk_ns=dice.one_of((1, MICROSECOND_NS)))
    if not wrappers or not dice.yes(40):
        return client
    own = dice.one_of(wrappers).defaults(client.protocol).wrapper
    limited = client.max_concurrent > 0 and dice.yes(50)
    wrapper = replace(
        own,
        warm_up=dice.yes(50),
        rate_limited=limited,
        max_concurrent=client.max_concurrent if limited else own.max_concurrent,
        monitored=dice.yes(70),
        monitor_interval_ns=dice.one_of((1, 5, 60)) * SECOND_NS,
    )
    return replace(client, options=replace(client.options, wrapper=wrapper))


@dataclass(frozen=True, slots=True)
class _Size:
    """Of a client: its instances, its requests, whether it is a minor one, the pools of all."""

    instances: int
    requests: int
    minor: bool
    pools: int


def _share(requests: int, k: int, count: int) -> int:
    """The first client makes enough requests by itself, so others may fare as badly as they do."""
    if count == 1:
        return requests
    return requests * 3 // 4 if k == 0 else requests // (2 * (count - 1))


def _client(
    dice: Dice, outline: Outline, datacenters: tuple[Datacenter, ...], name: str, size: _Size
) -> tuple[Client, Setting]:
    home = dice.one_of((datacenters[0], dice.one_of(datacenters)))
    driver, protocol = _driver(dice, outline, size, home)
    blocking = MODEL_DRIVERS[driver.name].TRAITS.blocking_borrow
    demand = Demand(
        requests=size.requests,
        duration_ns=outline.duration_ns,
        latency_ns=outline.service_ns + 2 * home.delay_ns,
        # A closed loop makes too few requests when much goes wrong: it is a minor client's then.
        open=not size.minor and bool(_TROUBLE.intersection(outline.themes)),
        stepwise=GROWTH in outline.themes,
        large=STORM in outline.themes,
        at_once=0,
        early_percent=_early_percent(outline),
        late=_LATE if ABANDONMENT in outline.themes else 0,
    )
    under_way = -(-demand.under_way // size.instances)
    setting = Setting(
        outline=outline,
        driver=driver,
        protocol=protocol,
        blocking=blocking,
        per_pool=-(-under_way // home.nodes),
        pools=size.pools,
        round_trip_ns=2 * home.delay_ns,
        minor=size.minor,
    )
    issue_ns, per_request_ns = _costs(dice, demand, size.instances)
    options = draw_options(dice, setting)
    if not (options.tcp_nodelay or size.minor):
        # Nagle's algorithm can halve what a pool carries, and a closed loop then makes half.
        demand = replace(demand, open=True)
    limit = _limit(dice, outline, under_way)
    if limit and not size.minor:
        limit = max(limit, _under_way_at_worst(demand, size.instances, options))
    if STARVATION in outline.themes and protocol in STREAMS and dice.yes(85 if blocking else 55):
        # Most streams are taken in one instant, time out in one and are wanted again in it.
        streams = setting.streams * home.nodes * max(options.local.max, 1)
        issue_ns, per_request_ns = 0, 0
        limit = _starved_limit(dice, MODEL_DRIVERS[driver.name].TRAITS, streams)
        if setting.blocking:
            # No pool grows in an instant, and a thread that waits for a stream issues nothing: the
            # streams suffice, on hosts that are not quite equally loaded, until some break.
            local = replace(options.local, core=_CORE_OF_BLOCKING, max=_CORE_OF_BLOCKING)
            options = replace(options, local=local)
            streams = setting.streams * home.nodes * _CORE_OF_BLOCKING
            limit = streams * dice.whole(58, 76) // 100
        demand = replace(demand, at_once=streams * 5 // 2)
        if dice.yes(80):  # what a broken connection loses ends in that instant
            options = replace(options, retry="fallthrough")
    client = Client(
        name=name,
        instances=size.instances,
        datacenter=home.name,
        driver=driver.name,
        protocol=protocol,
        idempotent=dice.one_of((0.0, 0.0, 1.0, 0.9, 0.3)),
        options=options,
        issue_ns=issue_ns,
        per_request_ns=per_request_ns,
        io_threads=driver.io_threads if driver.io_threads_fixed else dice.whole(1, 3),
        load=draw_load(dice, demand),
        max_concurrent=limit,
    )
    return client, setting


def _starved_limit(dice: Dice, traits: Traits, streams: int) -> int:
    """About as many requests as stream ids; more where one waits for an id on its connection; no
    limit where the driver's own queues hold what finds none, as long as a read timeout."""
    limit = streams * dice.whole(55, 105) // 100
    if traits.own_steps:
        return 0
    return 2 * limit if traits.timeout_includes_wait else limit


def _driver(dice: Dice, outline: Outline, size: _Size, home: Datacenter) -> tuple[Driver, int]:
    """A driver and a protocol version."""
    names = drawn_drivers(tuple(MODEL_DRIVERS))
    protocol = dice.one_of(_PROTOCOLS)
    if EXHAUSTION in outline.themes:
        # Where a timeout covers the request, its stream stays in flight until the response comes.
        whole = [name for name in names if MODEL_DRIVERS[name].TRAITS.timeout_covers_request]
        name, protocol = dice.one_of(tuple(whole) or names), dice.one_of(_MODERN_PROTOCOLS)
    else:
        name = dice.one_of(_preferred(dice, outline, home, names))
        if STARVATION in outline.themes and dice.yes(80):
            protocol = dice.one_of(tuple(STREAMS))
        elif is_fragile(name, protocol) and not size.minor:
            protocol = dice.one_of(_MODERN_PROTOCOLS)
        elif size.minor and dice.yes(60):
            protocol = dice.one_of(tuple(STREAMS))
    return DRIVERS[name], protocol


def _preferred(
    dice: Dice, outline: Outline, home: Datacenter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Few stream ids matter most where a borrow that waits blocks its caller, and where what finds
    none waits on its connection. java3 has the most rules, and so the most rare ones."""
    traits = {one: MODEL_DRIVERS[one].TRAITS for one in names}
    if STARVATION in outline.themes:
        if home.nodes > 1 and dice.yes(_BLOCKING_PERCENT):
            return tuple(one for one in names if traits[one].blocking_borrow)
        if dice.yes(_WAITING_PERCENT):
            return tuple(one for one in names if traits[one].timeout_includes_wait)
    return (*names, "java3", "java3")


def is_fragile(driver: str, protocol: int) -> bool:
    """Whether the client may hang after a node froze: with few streams, a blocked borrow holds up
    all requests, and the Python driver's pool can stay empty for good."""
    return MODEL_DRIVERS[driver].TRAITS.blocking_borrow and protocol in STREAMS


def _early_percent(outline: Outline) -> int:
    """In which part of the run the requests come, 0 where it does not matter."""
    if ABANDONMENT in outline.themes:
        return 20
    return 50 if EXHAUSTION in outline.themes else 0


def _costs(dice: Dice, demand: Demand, instances: int) -> tuple[int, int]:
    """Of the issuing and of the I/O thread, busy half of the time at most."""
    busy_ns = demand.duration_ns * (demand.early_percent or 100) // 100
    spacing_ns = busy_ns * instances // demand.requests
    longest_ns = spacing_ns // 4
    issue_ns = dice.one_of((0, 10 * MICROSECOND_NS, 10 * MICROSECOND_NS, MILLISECOND_NS))
    per_request_ns = dice.one_of((0, 0, 0, 12_500, 3 * MILLISECOND_NS))
    return min(issue_ns, longest_ns), min(per_request_ns, longest_ns)


def _under_way_at_worst(demand: Demand, instances: int, options: Options) -> int:
    """Of an instance's requests, when each waits as long as it can for the pool and the node."""
    longest_ns = options.pool_timeout_ns + options.read_timeout_ns
    return demand.requests * longest_ns // (demand.duration_ns * instances) + 1


def _limit(dice: Dice, outline: Outline, under_way: int) -> int:
    """The application's own limit, off, tight or wide."""
    unlimited = {STORM, STARVATION, EXHAUSTION}
    if unlimited.intersection(outline.themes) or dice.yes(70):
        return 0
    return under_way * dice.one_of((2, 3, 6)) + 1
