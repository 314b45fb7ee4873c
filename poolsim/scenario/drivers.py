"""The drivers that a scenario may name."""

from __future__ import annotations

from poolsim.scenario.async_cassandra_options import ASYNC_CASSANDRA
from poolsim.scenario.cassandraorm_options import CASSANDRAORM
from poolsim.scenario.generic_options import GENERIC
from poolsim.scenario.java3_options import JAVA3
from poolsim.scenario.nodejs_options import NODEJS
from poolsim.scenario.options import Driver, DriverOption
from poolsim.scenario.python_options import PYTHON
from poolsim.scenario.scenario import Client

DRIVERS: dict[str, Driver] = {
    driver.name: driver
    for driver in (JAVA3, PYTHON, NODEJS, GENERIC, ASYNC_CASSANDRA, CASSANDRAORM)
}


def driver_of(client: Client) -> Driver:
    """What a client's file names as its driver: the wrapper, where there is one."""
    return DRIVERS[client.driver_name]


__all__ = ["DRIVERS", "Driver", "DriverOption", "driver_of"]
