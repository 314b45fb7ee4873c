"""Both engines do the same, to the last nanosecond. 1,000 scenarios, with what fired in them:
python -m poolsim.fidelity.identity --scenarios 1000"""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("numba")

from poolsim.engine.choice import library_for
from poolsim.engine.compiled import executor, layout, tables
from poolsim.engine.compiled.rules import ENTRIES
from poolsim.estimation.run import run_scenario
from poolsim.fidelity import identity
from poolsim.fidelity.generator import generate
from poolsim.model import build
from poolsim.model.drivers.registry import DRIVERS
from poolsim.model.rule import RULES
from poolsim.scenario.scenario import Replications, Scenario

SCENARIOS = 100
AT_ONCE = 10


@pytest.mark.parametrize("first", range(0, SCENARIOS, AT_ONCE))
def test_random_scenarios_are_the_same_on_both(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        found = identity.compare(seed)
        assert found.requests >= 1000
        assert not found.difference, f"seed {seed}: {found.difference} differ"


def test_a_difference_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Farther(tables.Tables):
        """Every node is a nanosecond farther away."""

        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            self.table("pools")[:, layout.TABLE_FIELDS["pools"].index("delay")] += 1

    monkeypatch.setattr(executor, "Tables", Farther)
    # Where every request times out, none of them says how far the nodes are; few scenarios are so.
    different = [identity.compare(seed).difference for seed in range(4)]
    assert all(different)
    assert sum("requests" in difference for difference in different) >= 2


# Growth -------------------------------------------------------------------------------------------

POISONED = ("requests", "attempts", "connections", "tasks", "streams")


class Restless(tables.Tables):
    """Tables that move at every addition. What one of them leaves is spoiled at once, and nothing
    may be written to what any of them left: a rule that holds a record across an addition is found
    out."""

    spoiled = ""
    moves = 0

    def __init__(self, *arguments: object) -> None:
        self._before: list[tuple[str, tables.Integers, tables.Integers]] = []
        super().__init__(*arguments, fewest_rows=1)  # type: ignore[arg-type]

    def grow(self, name: str, rows: int) -> None:
        if name not in POISONED or rows > 500:
            super().grow(name, rows)
            return
        used, old = self.table(name), self._arrays[name]
        self._place(name, used, rows)
        Restless.moves += 1
        if name == self.spoiled:
            old[...] = 0
        self._before.append((name, old, old.copy()))

    def forget(self) -> None:
        for name, old, copy in self._before:
            assert (old == copy).all(), f"a rule wrote to a record of {name} that had moved"
        self._before.clear()
        super().forget()


@pytest.mark.parametrize("spoiled", POISONED)
def test_tables_may_move_at_every_addition(spoiled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "Tables", Restless)
    monkeypatch.setattr(Restless, "spoiled", spoiled)
    monkeypatch.setattr(Restless, "moves", 0)
    for seed in range(6):
        assert not identity.compare(seed).difference, f"seed {seed}"
    assert Restless.moves > 1000


def test_what_python_raises_behind_the_door_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tables.Tables, "grow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        identity.run_on(generate(0), "compiled")


# How a node is simulated --------------------------------------------------------------------------


def outcomes(scenario: Scenario, engine: str) -> tuple[object, object]:
    said = identity.run_on(scenario, engine)
    return said["digest"], said["segment sums"].tobytes()  # type: ignore[attr-defined]


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_the_shorter_way_through_a_node_changes_no_result(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finish that is computed when an attempt is sent against arrival, work and departure one
    after another: with the loads, delays, costs of I/O threads and faults of the generator."""
    shorter = 0

    def choose(smallest_delay: int, largest_delay: int, largest_read_cost: int) -> int:
        nonlocal shorter
        known = nodes_choice(smallest_delay, largest_delay, largest_read_cost)
        shorter += known
        return known

    nodes_choice = build.finish_is_known
    for seed in range(first, first + 10):
        scenario = generate(seed)
        monkeypatch.setattr(build, "finish_is_known", choose)
        chosen = outcomes(scenario, "compiled")
        monkeypatch.setattr(build, "finish_is_known", lambda *_: 0)
        assert outcomes(scenario, "compiled") == chosen, f"seed {seed}, compiled"
    assert shorter > 0
    assert outcomes(scenario, "simpy") == chosen


# Replications -------------------------------------------------------------------------------------


def test_replications_do_not_depend_on_engine_or_processes() -> None:
    scenario = replace(generate(4), replications=Replications(3))
    digests = {
        run_scenario(scenario, source="generated", engine=engine, jobs=jobs).digest
        for engine, jobs in (("simpy", 1), ("compiled", 1), ("compiled", 2))
    }
    assert len(digests) == 1


# What is compiled ---------------------------------------------------------------------------------


def test_entries_are_those_of_the_program() -> None:
    from poolsim.engine.compiled.program import entries

    found = {name: len(types) for name, (_, types) in entries(("java3",)).items()}
    assert found == ENTRIES


def test_the_layout_has_the_fields_of_every_driver() -> None:
    assert "idle_deadline" in layout.TABLE_FIELDS["connections"]
    assert "probe_next" in layout.TABLE_FIELDS["connections"]


def test_every_rule_compiles() -> None:
    """Also those that no event leads to: a rule that numba refuses is a rule of SimPy alone."""
    import numba
    from numba import types

    from poolsim.engine.compiled import program
    from poolsim.engine.compiled.world_type import MEMBERS, WorldType
    from poolsim.machine_code.linking import PART

    drivers = tuple(DRIVERS)
    for function, arguments in program.entries(drivers).values():
        numba.njit(arguments, **PART)(function)
    for name in RULES:
        if name not in program.COMPILED:
            rule = RULES[name]
            names = rule.__code__.co_varnames[: rule.__code__.co_argcount]
            known = {f"{row.table[:-1]}": row for row in map(row_of, MEMBERS.values()) if row}
            kinds = tuple(
                WorldType(drivers) if one == "w" else known.get(one, types.int64) for one in names
            )
            numba.njit(kinds, **PART)(rule)


def row_of(member: object) -> object:
    return getattr(member, "row", None) if hasattr(getattr(member, "row", None), "table") else None


def test_the_library_is_loaded_once_a_process() -> None:
    assert library_for(generate(3)) is library_for(generate(3))
