"""Which engine runs a scenario (stub)."""

from __future__ import annotations
from poolsim.machine_code import cache


class NotReady(Exception):
    """The environment lacks what the run needs (exit 6)."""


def chosen_engine(scenario, engine, *, attachments=False):
    return "simpy" if engine == "auto" or attachments else engine


def program_of(drivers):
    def compile_():
        from poolsim.engine.compiled.program import compile_program
        return compile_program(drivers)
    return cache.Program(
        name="rules-"+"-".join(drivers), title="x", packages=("poolsim.model","poolsim.engine","poolsim.invariants","poolsim.machine_code"),
        entries={"poolsim_begin":1,"poolsim_advance":4,"poolsim_sample":1,"poolsim_unfinished":1,"poolsim_check":3}, compile=compile_)

def library_for(scenario):
    return cache.library(program_of(tuple(sorted({c.driver for c in scenario.clients}))))
