"""The options' single declaration: complete, and the same everywhere it is used."""

from __future__ import annotations

import dataclasses
import re

import pytest

from poolsim.scenario.drivers import DRIVERS, Driver
from poolsim.scenario.scenario import Options

DRIVER = pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
PYTHON_UNSET = {
    # No queue with a size, no idle timeout, and 2 s for a stream whatever one says.
    "local.new_connection_threshold",
    "remote.new_connection_threshold",
    "idle_timeout_ns",
    "pool_timeout_ns",
    "max_queue_size",
    "reconnection.kind",
}
WRAPPER_UNSET = {
    "wrapper.name",
    "wrapper.warm_up",
    "wrapper.rate_limited",
    "wrapper.max_concurrent",
    "wrapper.monitored",
    "wrapper.monitor_interval_ns",
}
UNSET = {
    "java3": WRAPPER_UNSET
    | {
        # min_requests belongs to python, the heartbeat's timeout follows from read_timeout, and the
        # driver always connects to hosts that its policy does not ignore.
        "local.min_requests",
        "remote.min_requests",
        "heartbeat_timeout_ns",
        "connect_to_remote_hosts",
        "reconnection.kind",
        "reconnection.max_attempts",
    },
    "python": WRAPPER_UNSET | PYTHON_UNSET,
    # The name follows from the driver that the file names.
    "async_cassandra": PYTHON_UNSET | {"wrapper.name"},
}


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
    fields = {option.field for option in driver.options}
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
        assert "{" not in option.own_name
        assert option.meaning.endswith(".")
        assert re.fullmatch(
            r"[\w-]+/[\w-]+@([\d.]+|[0-9a-f]{7}):[\w/-]+\.(java|py):\d+", option.source
        )


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

    # A wrapper has the rules of the driver below it.
    assert {driver.rules or driver.name for driver in DRIVERS.values()} <= set(MODELS)
    assert set(BALANCING_POLICIES) == set(POLICY_NAMES)


def test_python_has_sizes_on_v1_and_v2_only() -> None:
    python = DRIVERS["python"]
    assert "pooling.local.core" in python.paths(2)
    assert not [path for path in python.paths(3) if path.startswith("pooling")]
