"""Where the compiled engine keeps a world: every field has a place of its own, wide enough."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest

from poolsim.engine.compiled.layout import (
    LINE,
    NARROW,
    PART_BYTES,
    PLACES,
    TABLE_FIELDS,
    TOGETHER,
)
from poolsim.engine.run import simulate
from poolsim.fidelity.generator import generate
from poolsim.model.client.request import ERROR_BITS, KEPT_ERRORS
from poolsim.model.records import TABLES, World
from tests.engine.kept import Kept

PER_MILLE = 1_000
PACKED = {("requests", "error_kinds"): 1 << (ERROR_BITS * KEPT_ERRORS)}
"""Fields of several small numbers, and what bounds them."""


def test_every_field_has_a_place_of_its_own() -> None:
    taken: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for table in TABLES:
        assert set(PLACES[table]) == set(TABLE_FIELDS[table])
        for place in PLACES[table].values():
            assert place.offset % place.bytes == 0
            assert place.offset + place.bytes <= PART_BYTES[table][place.part]
            owner = TOGETHER.get(table, table)
            taken[owner, place.part].append((place.offset, place.offset + place.bytes))
    for places in taken.values():
        places.sort()
        for (_, end), (begin, _) in pairwise(places):
            assert end <= begin


def test_no_row_of_a_large_table_crosses_a_line() -> None:
    for table in NARROW:
        assert all(LINE % size == 0 for size in PART_BYTES[table])


def test_what_is_narrow_is_a_field() -> None:
    """A field that was renamed would become wide without a word."""
    for table, sizes in NARROW.items():
        for fields in sizes.values():
            assert set(fields) <= set(TABLE_FIELDS[table])


@pytest.mark.parametrize("seed", range(30))
def test_the_values_of_narrow_fields_are_far_below_their_width(seed: int) -> None:
    """What the rules write, seen on SimPy at ten instants of a run."""
    largest: dict[tuple[str, str], int] = defaultdict(int)

    def look(environment: object, world: World) -> None:
        def process() -> object:
            while True:
                yield environment.timeout(scenario.duration_ns // 10 - 1)  # type: ignore[attr-defined]
                for table, sizes in NARROW.items():
                    for record in getattr(world, table):
                        for fields in sizes.values():
                            for field in fields:
                                value = getattr(record, field)
                                known = largest[table, field]
                                largest[table, field] = max(known, value, -value)

        environment.process(process())  # type: ignore[attr-defined]

    scenario = generate(seed)
    simulate(scenario, 0, Kept(scenario.duration_ns), engine="simpy", attachments=[look])
    assert largest
    for (table, field), value in largest.items():
        if (table, field) in PACKED:
            assert value < PACKED[table, field] <= 1 << 31
            continue
        # 4 bytes hold more rows than memory; the model itself keeps the narrower ones small.
        size = PLACES[table][field].bytes
        assert value <= {1: 100, 2: 10_000, 4: (1 << 31) // PER_MILLE}[size], (table, field)
