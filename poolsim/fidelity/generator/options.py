"""Options of a driver, drawn by what they mean.

Which options a driver has, what it calls them and what it refuses comes from its own declaration
(scenario/drivers.py), so a new driver is drawn without a change here: options are known by the
field of `Options` that they fill, and one that fills an unknown field keeps its default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from poolsim.fidelity.generator.dice import Dice
from poolsim.fidelity.generator.generic import GENERIC_FIELDS
from poolsim.fidelity.generator.outline import (
    ABANDONMENT,
    DISTANCE,
    EXHAUSTION,
    GROWTH,
    RESTARTS,
    SATURATION,
    SECOND_NS,
    SILENCE,
    STARVATION,
    STORM,
    Outline,
)
from poolsim.model.policies.balancing import DC_AWARE, POLICY_NAMES
from poolsim.model.policies.reconnection import RECONNECTION_NAMES
from poolsim.scenario.drivers import DRIVERS, Driver, DriverOption
from poolsim.scenario.options import RETRY_POLICIES
from poolsim.scenario.scenario import Balancing, Options, Pooling, Reconnection

MILLISECOND_NS = 1_000_000
STREAMS = {1: 128, 2: 128}
STREAMS_V3 = 32_768
_TIMER_EVENTS = 4_000
"""About so many times may the timers of all connections of a kind go off in a run."""
_LARGEST_POOL = 16
_DEFAULT_PERCENT = 12
"""How often an option keeps its driver's default."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a client's options are drawn for.

    `blocking`: a borrow that waits blocks its thread; `per_pool`: requests under way in one pool on
    average; `pools`: of all clients together; `round_trip_ns`: to the nodes of its own datacenter;
    `minor`: other clients have more load.
    """

    outline: Outline
    driver: Driver
    protocol: int
    blocking: bool
    per_pool: int
    pools: int
    round_trip_ns: int
    minor: bool

    def about(self, *themes: str) -> bool:
        """Whether the scenario has one of these themes."""
        return any(theme in self.outline.themes for theme in themes)

    @property
    def options(self) -> tuple[DriverOption, ...]:
        """All options of the driver."""
        return _options_of(self.driver.name)

    @property
    def streams(self) -> int:
        """Stream ids of a connection."""
        return STREAMS.get(self.protocol, STREAMS_V3)

    @property
    def never_grows(self) -> bool:
        """Whether a pool has its core connections and no others."""
        return not any(option.field == "local.max" for option in self.options)

    @property
    def most_requests(self) -> int:
        """Most of a connection's requests that the driver accepts: above its stream ids, too, where
        it does not check that."""
        beyond = 4 * self.streams
        option = next((one for one in self.options if one.field == "local.max_requests"), None)
        if option is None or self.driver.unavailable(self.protocol, option.path):
            return self.streams
        options = option.set_to(self.driver.defaults(self.protocol), beyond)
        return self.streams if self.driver.refusals(options, self.protocol) else beyond

    def round_trips_ns(self, count: int) -> int:
        """The shortest time that a timeout may be, 0 where nothing need work."""
        return 0 if self.minor else count * self.round_trip_ns

    def period_ns(self, timers: int) -> int:
        """The shortest period, in whole seconds, of so many timers."""
        return -(-timers * self.outline.duration_ns // _TIMER_EVENTS // SECOND_NS) * SECOND_NS


@cache
def _options_of(driver: str) -> tuple[DriverOption, ...]:
    """Looking through a driver's declaration takes milliseconds."""
    return DRIVERS[driver].options


def draw_options(dice: Dice, setting: Setting) -> Options:
    """Options that the driver accepts."""
    driver, protocol = setting.driver, setting.protocol
    options = driver.defaults(protocol)
    options = replace(
        options,
        reconnection=_reconnection(dice, setting, options.reconnection),
        balancing=_balancing(dice, setting),
    )
    pooling = {"local": _pooling(dice, setting), "remote": _pooling(dice, setting)}
    for option in setting.options:
        group, _, field = option.field.partition(".")
        if driver.unavailable(protocol, option.path):
            continue
        if group in pooling and pooling[group] is not None:
            options = option.set_to(options, getattr(pooling[group], field))
        elif option.field in FIELDS and not (
            dice.yes(_DEFAULT_PERCENT) and not _is_vital(setting, option.field)
        ):
            options = option.set_to(options, FIELDS[option.field](dice, setting))
    return _accepted(driver.complete(options), setting)


def _is_vital(setting: Setting, field: str) -> bool:
    """Whether a scenario is not about its theme when an option keeps its default."""
    heartbeats = setting.about(ABANDONMENT) and field.startswith("heartbeat_")
    return heartbeats or (setting.about(EXHAUSTION) and field == "read_timeout_ns")


def _accepted(options: Options, setting: Setting) -> Options:
    """The options with the driver's defaults in place of what it would refuse."""
    driver, protocol = setting.driver, setting.protocol
    defaults = driver.defaults(protocol)
    by_field = {option.field: option for option in setting.options}
    while refusals := driver.refusals(options, protocol):
        for refusal in refusals:
            for field in (refusal.field, *refusal.fields):
                options = by_field[field].set_to(options, by_field[field].value(defaults))
    return options


# Pools --------------------------------------------------------------------------------------------


def _pooling(dice: Dice, setting: Setting) -> Pooling | None:
    """Sizes of a pool; None for the driver's defaults."""
    if setting.about(EXHAUSTION):
        most, core, largest = setting.streams, 1, 1
    elif setting.about(STARVATION) and setting.protocol in STREAMS:
        most = dice.one_of((128, 128, 127, 110, setting.most_requests, setting.most_requests))
        if setting.most_requests > setting.streams and dice.yes(60):
            most = setting.most_requests  # what finds no stream id waits for one
        core, largest = dice.one_of(((1, 1), (1, 2), (2, 2), (0, 1)))
    elif setting.never_grows and setting.about(SILENCE) and dice.yes(75):
        return None  # many requests wait for a node that is silent
    elif setting.about(GROWTH):
        most = max(1, setting.per_pool // dice.one_of((1, 2, 3, 5)))
        core = dice.one_of((0, 1, 1, 2))
        largest = core + dice.one_of((1, 2, 4, 8))
    elif setting.about(STORM) or dice.yes(20):
        most = max(1, setting.per_pool // dice.one_of((1, 2, 4)))
        core, largest = dice.one_of(((1, 1), (2, 2), (1, 3), (0, 1)))
    elif setting.minor and dice.yes(10):
        # What no one would write on purpose: no connection, or connections for no request.
        most, core, largest = dice.one_of(((0, 1, 2), (1, 0, 0), (0, 0, 1)))
    elif dice.yes(30):
        return None
    else:
        most = setting.per_pool * dice.one_of((2, 4, 20)) + 1
        core = dice.one_of((0, 1, 1, 2, 3))
        largest = max(core + dice.one_of((0, 0, 1, 3)), 1)
    most = min(most, setting.most_requests)
    if not setting.minor:
        # The pools of the first client carry its load, in a storm most of it; an empty pool that
        # nothing fills would block its callers nearly all the time.
        load = setting.per_pool * (60 if setting.about(STORM) else 100) // 100
        core = max(core, int(setting.blocking or setting.never_grows))
        largest = max(largest, core, min(-(-load // most), _LARGEST_POOL))
    threshold = dice.one_of((0, most // 2, most * 4 // 5, most - 1, most, most + most // 2 + 1))
    return Pooling(
        core=core,
        max=largest,
        max_requests=most,
        new_connection_threshold=min(max(threshold, 0), setting.streams),
        min_requests=dice.one_of((0, most // 8, most // 2)),
    )


# Policies -----------------------------------------------------------------------------------------


def _balancing(dice: Dice, setting: Setting) -> Balancing:
    defaults = setting.driver.defaults(setting.protocol).balancing
    own = defaults.policy
    policy, remote = dice.one_of((*_policies(setting), own)), dice.one_of((0, 0, 1, 2, 3))
    if setting.about(DISTANCE) and dice.yes(50):
        policy, remote = POLICY_NAMES[DC_AWARE], dice.one_of((1, 2))
    aware = 50
    if dice.yes(60 if setting.about(SILENCE) else 25):
        # As it comes, with keys: what a policy makes of a host that answers nothing.
        policy, aware = own, 90
    shuffle = defaults.shuffle_replicas
    if any(option.field == "balancing.shuffle_replicas" for option in setting.options):
        shuffle = dice.yes(50)
    return Balancing(
        policy=policy,
        token_aware=dice.yes(aware),
        shuffle_replicas=shuffle,
        used_hosts_per_remote_dc=remote,
    )


def _policies(setting: Setting) -> tuple[str, ...]:
    """The policies that the driver has, in the model's order; none where they go by other names."""
    options = [option for option in setting.options if option.field == "balancing.policy"]
    if not options:
        return ()
    (option,) = options
    return tuple(name for name in POLICY_NAMES if name in option.written.schema["enum"])


def _reconnection(dice: Dice, setting: Setting, default: Reconnection) -> Reconnection:
    """Of a kind that the driver has options for."""
    paths = {option.path for option in setting.options}
    kind = dice.one_of(
        [
            kind
            for kind in RECONNECTION_NAMES
            if any(path.startswith(f"reconnection.{kind}.") for path in paths)
        ]
    )
    shortest_ns = max(setting.period_ns(setting.pools) // 4, 20 * MILLISECOND_NS)
    base_ns = dice.one_of((shortest_ns, shortest_ns * 3, max(shortest_ns, SECOND_NS)))
    base_ns = -(-base_ns // MILLISECOND_NS) * MILLISECOND_NS
    attempts = default.max_attempts
    if f"reconnection.{kind}.max_attempts" in paths:
        attempts = dice.one_of((0, 1, 2, 5, default.max_attempts))
    longest_ns = base_ns * dice.one_of((1, 3, 100)) if kind == "exponential" else base_ns
    no_delay = f"reconnection.{kind}.start_with_no_delay" in paths and dice.yes(30)
    return Reconnection(kind, base_ns, longest_ns, attempts, start_with_no_delay=no_delay)


# Single options -----------------------------------------------------------------------------------


def _idle_timeout(dice: Dice, _setting: Setting) -> int:
    return dice.one_of((0, 1, 5, 12, 25, 40)) * SECOND_NS


def _pool_timeout(dice: Dice, _setting: Setting) -> int:
    if dice.yes(5):
        return 0
    return dice.one_of((1, 20, 300, 1_000, 5_000)) * MILLISECOND_NS


def _queue_size(dice: Dice, setting: Setting) -> int:
    if setting.about(STORM):
        return dice.one_of((0, 1, 4, 30))
    return dice.one_of((0, 1, 16, 256, 256))


def _heartbeat_interval(dice: Dice, setting: Setting) -> int:
    shortest_ns = max(setting.period_ns(2 * setting.pools), SECOND_NS)
    if setting.about(ABANDONMENT):
        return shortest_ns
    if dice.yes(15):
        return 0
    if setting.about(SILENCE, STARVATION):
        return shortest_ns * dice.one_of((1, 1, 2))
    return max(shortest_ns, dice.one_of((1, 5, 10, 30)) * SECOND_NS)


def _heartbeat_timeout(dice: Dice, setting: Setting) -> int:
    timeouts_ms = (200, 1_000) if setting.about(ABANDONMENT) else (200, 1_000, 5_000, 30_000)
    return dice.one_of(timeouts_ms) * MILLISECOND_NS + setting.round_trips_ns(2)


def _defunct_threshold(dice: Dice, setting: Setting) -> int:
    """Timeouts that a connection lives through: often fewer than there are."""
    if setting.about(STARVATION):
        return dice.one_of((0, 8, 64, 64, 200))
    if setting.about(SILENCE):
        return dice.one_of((1, 20, 64, 64))
    return dice.one_of((0, 1, 8, 64))


def _connect_timeout(dice: Dice, setting: Setting) -> int:
    timeout_ns = dice.one_of((100, 1_000, 5_000, 5_000)) * MILLISECOND_NS
    return max(timeout_ns, setting.round_trips_ns(8))


def _read_timeout(dice: Dice, setting: Setting) -> int:
    """Around the service time; none at all where nothing is expected to hang for ever."""
    if setting.about(SATURATION):
        return 0
    if setting.about(ABANDONMENT):
        # Those who came late are in flight for so long after the others timed out.
        return setting.outline.duration_ns // 4
    if setting.about(EXHAUSTION):
        return dice.one_of((200, 1_000)) * MILLISECOND_NS
    if not setting.about(SILENCE, RESTARTS) and dice.yes(8):
        return 0
    if setting.about(STARVATION) and dice.yes(75):
        percent = dice.one_of((30, 60, 90))
    else:
        percent = dice.one_of((100, 200, 200, 500, 2_000))
    wanted_ns = setting.outline.service_ns * percent // 100
    shortest_ns = dice.one_of((200, 500, 2_000)) * MILLISECOND_NS + setting.round_trips_ns(2)
    return max(wanted_ns, shortest_ns) // MILLISECOND_NS * MILLISECOND_NS


FIELDS: dict[str, Callable[[Dice, Setting], Any]] = {
    "idle_timeout_ns": _idle_timeout,
    "pool_timeout_ns": _pool_timeout,
    "max_queue_size": _queue_size,
    "heartbeat_interval_ns": _heartbeat_interval,
    "heartbeat_timeout_ns": _heartbeat_timeout,
    "connect_timeout_ns": _connect_timeout,
    "read_timeout_ns": _read_timeout,
    "retry": lambda dice, _setting: dice.one_of(RETRY_POLICIES),
    "executor_threads": lambda dice, _setting: dice.one_of((1, 2, 2, 4)),
    "status_events": lambda dice, _setting: dice.yes(65),
    "connect_to_remote_hosts": lambda dice, _setting: dice.yes(30),
    "keyspace": lambda dice, _setting: dice.yes(60),
    "defunct_read_timeout_threshold": _defunct_threshold,
    "warmup": lambda dice, _setting: dice.yes(70),
    "authentication_round_trips": lambda dice, _setting: dice.one_of((0, 0, 1, 2)),
    **GENERIC_FIELDS,
    "tcp_nodelay": lambda dice, _setting: dice.yes(40),
}
"""How each field of `Options` outside of pools and policies is drawn."""


def draw_change(dice: Dice, setting: Setting, field: str) -> int | None:
    """A new value for an option at runtime; None where its field is unknown here."""
    group, _, name = field.partition(".")
    if group in ("local", "remote"):
        pooling = _pooling(dice, setting) or getattr(
            setting.driver.defaults(setting.protocol), group
        )
        value: int = getattr(pooling, name)
        return value
    return FIELDS[field](dice, setting) if field in FIELDS else None


def drawn_drivers(known: tuple[str, ...]) -> tuple[str, ...]:
    """Drivers that both the model and the scenario know, in the model's order."""
    return tuple(name for name in known if name in DRIVERS)
