"""The drivers that a scenario may name."""

from __future__ import annotations

from poolsim.scenario.generic_options import GENERIC
from poolsim.scenario.java3_options import JAVA3
from poolsim.scenario.options import Driver, DriverOption
from poolsim.scenario.python_options import PYTHON

DRIVERS: dict[str, Driver] = {driver.name: driver for driver in (JAVA3, PYTHON, GENERIC)}

__all__ = ["DRIVERS", "Driver", "DriverOption"]
