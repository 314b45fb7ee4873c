"""The options' single declaration: complete, and the same everywhere it is used."""

from __future__ import annotations

import dataclasses
import re

import pytest

from poolsim.scenario.drivers import DRIVERS, Driver
from poolsim.scenario.orm import Orm
from poolsim.scenario.scenario import Options

DRIVER = pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
OF_NODEJS = (
    "defunct_read_timeout_threshold",
    "warmup",
    "reconnection.start_with_no_delay",
)
OF_WRAPPERS = (
    "wrapper.name",
    "wrapper.warm_up",
    "wrapper.rate_limited",
    "wrapper.max_concurrent",
    "wrapper.monitored",
    "wrapper.monitor_interval_ns",
)
OF_CASSANDRAORM = tuple(f"orm.{field.name}" for field in dataclasses.fields(Orm))
UNSET = {
    "java3": {
        # min_requests belongs to python, the heartbeat's timeout follows from read_timeout, and the
        # driver always connects to hosts that its policy does not ignore.
        "local.min_requests",
        "remote.min_requests",
        "heartbeat_timeout_ns",
        "connect_to_remote_hosts",
        "reconnection.kind",
        "reconnection.max_attempts",
        *OF_NODEJS,
        *OF_WRAPPERS,
        *OF_CASSANDRAORM,
        "generic",
    },
    "python": {
        # No queue with a size, no idle timeout, and 2 s for a stream whatever one says.
        "local.new_connection_threshold",
        "remote.new_connection_threshold",
        "idle_timeout_ns",
        "pool_timeout_ns",
        "max_queue_size",
        "reconnection.kind",
        *OF_NODEJS,
        *OF_WRAPPERS,
        *OF_CASSANDRAORM,
        "generic",
    },
    "nodejs": {
        # A size that is core, requests that are the same for both distances, no queue, no executor;
        # it always listens to the server and shuffles replicas.
        "local.max",
        "remote.max",
        "remote.max_requests",
        "local.new_connection_threshold",
        "remote.new_connection_threshold",
        "local.min_requests",
        "remote.min_requests",
        "idle_timeout_ns",
        "pool_timeout_ns",
        "max_queue_size",
        "heartbeat_timeout_ns",
        "executor_threads",
        "status_events",
        "connect_to_remote_hosts",
        "balancing.shuffle_replicas",
        "reconnection.kind",
        "reconnection.max_attempts",
        *OF_WRAPPERS,
        *OF_CASSANDRAORM,
        "generic",
    },
    "generic": {
        # Neither in the document nor needed to fill a gap of it.
        "local.new_connection_threshold",
        "remote.new_connection_threshold",
        "local.min_requests",
        "remote.min_requests",
        "max_queue_size",
        "status_events",
        "connect_to_remote_hosts",
        "reconnection.kind",
        "reconnection.max_attempts",
        *OF_NODEJS,
        *OF_WRAPPERS,
        *OF_CASSANDRAORM,
    },
}
UNSET["async_cassandra"] = UNSET["python"] - set(OF_WRAPPERS) | {"wrapper.name"}
UNSET["cassandraorm"] = UNSET["nodejs"] - {"local.max", "remote.max", "idle_timeout_ns"} - set(
    OF_CASSANDRAORM
) | {
    # Its policies and retries are the document's own; warm-up is, too; what has blocks below
    # `orm` is there by them.
    "balancing.policy",
    "balancing.token_aware",
    "balancing.used_hosts_per_remote_dc",
    "retry",
    "warmup",
}

SOURCES = (
    r"[\w-]+/[\w-]+@(v?[\d.]+|[0-9a-f]{7}):[\w/-]+\.(java|py|js):\d+",
    r"cassandraorm-js/Connection-Pool-Management:\d+",  # the document
    r"Asynchronous Connections/002(:\d+)?",  # the document
)


def fields_of(options: Options) -> set[str]:
    names = set()
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            names |= {f"{field.name}.{inner.name}" for inner in dataclasses.fields(value)}
        else:
            names.add(field.name)
    return names


@DRIVER
def test_every_field_has_an_option_or_a_reason(driver: Driver) -> None:
    fields = {".".join(option.field.split(".")[:2]) for option in driver.options}
    assert fields_of(driver.defaults(4)) - fields == UNSET[driver.name]


@DRIVER
@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5, 6])
def test_the_driver_accepts_its_own_defaults(driver: Driver, protocol: int) -> None:
    assert driver.refusals(driver.defaults(protocol), protocol) == []


@DRIVER
def test_options_can_be_read_set_and_written(driver: Driver) -> None:
    options = driver.defaults(2)
    for option in driver.options:
        value = option.value(options)
        assert option.value(option.set_to(options, value)) == value
        if not option.path.startswith("reconnection.constant"):
            assert option.written.read(option.written.write(value)) == value


@DRIVER
def test_options_name_the_driver_s_own_and_their_source(driver: Driver) -> None:
    paths = [option.path for option in driver.options]
    assert len(paths) == len(set(paths))
    for option in driver.options:
        assert option.own_name
        assert "{" not in option.own_name.replace("{dc1", "")
        assert option.meaning.endswith(".")
        assert any(re.fullmatch(kind, option.source) for kind in SOURCES), option.source


def test_distances_are_named() -> None:
    java3 = DRIVERS["java3"]
    local, remote = java3.option("pooling.local.core"), java3.option("pooling.remote.core")
    assert local is not None
    assert remote is not None
    assert local.own_name == "PoolingOptions.setCoreConnectionsPerHost(LOCAL, n)"
    assert remote.own_name == "PoolingOptions.setCoreConnectionsPerHost(REMOTE, n)"


def test_what_changes_at_runtime_is_what_the_model_can_change() -> None:
    from poolsim.model.build import CHANGE_FIELDS

    changeable = {
        option.path for driver in DRIVERS.values() for option in driver.options if option.at_runtime
    }
    assert changeable == set(CHANGE_FIELDS)


def test_the_model_has_every_driver_and_policy() -> None:
    from poolsim.model.drivers.registry import DRIVERS as MODELS
    from poolsim.model.policies.balancing import POLICY_NAMES
    from poolsim.scenario.options import BALANCING_POLICIES

    assert {driver.rules or driver.name for driver in DRIVERS.values()} == set(MODELS)
    policies = [driver.option("load_balancing.policy") for driver in DRIVERS.values()]
    names = {name for option in policies if option for name in option.written.schema["enum"]}
    assert names == set(POLICY_NAMES)
    assert set(BALANCING_POLICIES) == set(POLICY_NAMES) - {"default"}


def test_nodejs_has_one_size_and_one_limit() -> None:
    nodejs = DRIVERS["nodejs"]
    assert nodejs.option("pooling.local.max") is None
    assert nodejs.option("pooling.local.max_requests") is None
    option = nodejs.option("pooling.max_requests")
    assert option is not None
    options = nodejs.complete(option.set_to(nodejs.defaults(4), 7))
    assert (options.local.max_requests, options.remote.max_requests) == (7, 7)
    sizes = [
        (o.local.core, o.local.max, o.remote.core, o.local.max_requests)
        for o in map(nodejs.defaults, (1, 2, 3, 4))
    ]
    assert sizes == [(2, 2, 1, 128)] * 2 + [(1, 1, 1, 2048)] * 2


def test_python_has_sizes_on_v1_and_v2_only() -> None:
    python = DRIVERS["python"]
    assert "pooling.local.core" in python.paths(2)
    assert not [path for path in python.paths(3) if path.startswith("pooling")]
