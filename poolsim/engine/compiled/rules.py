"""The rules for some drivers as a program that is compiled once. Imports no numba."""

from __future__ import annotations

from functools import cache

from poolsim.machine_code.cache import Program, is_kept
from poolsim.model.drivers.registry import DRIVERS
from poolsim.scenario.scenario import Scenario

PACKAGES = ("poolsim.model", "poolsim.engine", "poolsim.invariants", "poolsim.machine_code")
"""Their sources decide what is compiled; no value of a scenario does."""

ENTRIES = {
    "poolsim_begin": 1,
    "poolsim_advance": 4,
    "poolsim_sample": 1,
    "poolsim_unfinished": 1,
    "poolsim_check": 3,
    "poolsim_uniforms": 4,
}
"""What is called from Python (`program.entries`), and how many integers it takes."""


def drivers_of(scenario: Scenario) -> tuple[str, ...]:
    """The drivers that a scenario's clients use, in the registry's order."""
    used = {client.driver for client in scenario.clients}
    return tuple(driver for driver in DRIVERS if driver in used)


@cache
def rules_program(drivers: tuple[str, ...]) -> Program:
    """The program for a set of drivers."""

    def compile_rules() -> bytes:
        from poolsim.engine.compiled.program import compile_program

        return compile_program(drivers)

    return Program(
        name=f"rules-{'-'.join(drivers)}",
        title=f"the rules of {' and '.join(drivers)}",
        packages=PACKAGES,
        entries=ENTRIES,
        compile=compile_rules,
    )


def program_for(scenario: Scenario) -> Program:
    """The program that a scenario runs with: of its own drivers only. Where that one would have to
    be compiled and the program of all drivers is there, it is the latter: no result depends on it.
    """
    own = rules_program(drivers_of(scenario))
    everything = rules_program(tuple(DRIVERS))
    return everything if not is_kept(own) and is_kept(everything) else own
