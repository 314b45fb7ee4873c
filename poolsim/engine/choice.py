"""Which engine runs a scenario; no result depends on it.

SimPy begins at once. Machine code has to be loaded, and the first time compiled, which pays from
some number of requests on. The figures below are in requests that SimPy simulates meanwhile, so
they do not depend on the machine; they are on the safe side, so that nothing is compiled for a run
that SimPy would have ended by then.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from poolsim.engine.compiled.rules import drivers_of, program_for
from poolsim.engine.expected import expected_requests
from poolsim.machine_code import cache
from poolsim.machine_code.library import Library
from poolsim.scenario.scenario import Scenario

ENGINES = ("auto", "simpy", "compiled")

LOADING_PAYS_FROM = 20_000
"""Requests from which loading the machine code pays."""

COMPILING_PAYS_FROM = 4_000_000
"""Requests from which compiling it pays, for each driver."""

INSTALL = "pip install 'poolsim[compiled]'"


class NotReady(Exception):
    """The environment lacks what the run needs (exit 6)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, simpy or compiled, and one line for the user where there is something to say."""

    engine: str
    remark: str = ""


def choose(
    scenario: Scenario, engine: str, *, attached: bool = False, replications: int = 1
) -> Choice:
    """Choose for one scenario.

    Args:
        scenario: what is to be run.
        engine: what is asked for, one of ENGINES.
        attached: whether processes of the user's own are attached.
        replications: how many runs there will be, at least.

    Raises:
        NotReady: what is asked for is not there.
    """
    if engine not in ENGINES:
        raise NotReady(f"there is no engine {engine!r}; there are {', '.join(ENGINES)}")
    if engine == "simpy":
        return Choice("simpy")
    if attached:
        if engine == "auto" and not _pays(scenario, replications):
            return Choice("simpy")
        return Choice("simpy", "running on SimPy: attached processes need it")
    if not cache.numba_is_there():
        if engine == "compiled":
            raise NotReady(f"the compiled engine needs numba, which is not installed: {INSTALL}")
        return Choice("simpy", f"running on SimPy: numba is not installed ({INSTALL})")
    if engine == "compiled" or _pays(scenario, replications):
        return Choice("compiled")
    return Choice("simpy")


def _pays(scenario: Scenario, replications: int) -> bool:
    """Whether machine code ends sooner than SimPy on as many processes as there are."""
    at_a_time = min(replications, os.cpu_count() or 1)
    requests = expected_requests(scenario) * replications / at_a_time
    if requests < LOADING_PAYS_FROM or not cache.numba_is_there():
        return requests >= LOADING_PAYS_FROM
    if cache.is_kept(program_for(scenario)):
        return True
    return requests >= COMPILING_PAYS_FROM * len(drivers_of(scenario))


def prepare(
    scenario: Scenario,
    engine: str,
    *,
    replications: int = 1,
    also: Sequence[cache.Program] = (),
    compiling: cache.Compiling | None = None,
) -> Choice:
    """Choose as `choose` does, and have ready what the engine needs: processes started later find
    it on the disk. `also` is what else the run loads; `compiling` is told of a compilation.

    Raises:
        NotReady: what is asked for is not there or cannot be made.
    """
    choice = choose(scenario, engine, replications=replications)
    if choice.engine == "compiled":
        try:
            for program in (program_for(scenario), *also):
                cache.library(program, compiling)
        except Exception as error:
            reason = f"compiling failed ({type(error).__name__}: {str(error).splitlines()[0]})"
            if engine == "compiled":
                raise NotReady(f"the compiled engine does not work here: {reason}") from error
            return Choice("simpy", f"running on SimPy: {reason}")
    return choice


def library_for(scenario: Scenario) -> Library:
    """The machine code of a scenario's rules, compiled now if there is none yet."""
    return cache.library(program_for(scenario))
