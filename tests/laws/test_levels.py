import pytest

from poolsim.model.laws.levels import Piece, level_changes, pieces
from poolsim.scenario.scenario import Load, Phase


def shape(parts: list[Piece]) -> list[tuple[int, int, float, float]]:
    return [(p.begin_ns, p.end_ns, p.level, p.end_level) for p in parts]


def phase(kind: str, at_ns: int, for_ns: int, value: float) -> Phase:
    return Phase("", kind, at_ns, for_ns, value)


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ([], [(0, 100, 5, 5)]),
        ([("rate", 20, 30, 8)], [(0, 20, 5, 5), (20, 50, 8, 8), (50, 100, 5, 5)]),
        ([("rate", 20, 0, 8)], [(0, 20, 5, 5), (20, 100, 8, 8)]),
        ([("ramp", 20, 30, 8)], [(0, 20, 5, 5), (20, 50, 5, 8), (50, 100, 5, 5)]),
        # A ramp begins at the level of a phase that ends there, else at the base.
        ([("rate", 0, 40, 9), ("ramp", 40, 60, 0)], [(0, 40, 9, 9), (40, 100, 9, 0)]),
        (
            [("rate", 0, 30, 9), ("ramp", 40, 60, 0)],
            [(0, 30, 9, 9), (30, 40, 5, 5), (40, 100, 5, 0)],
        ),
        ([("ramp", 0, 50, 10), ("ramp", 50, 50, 0)], [(0, 50, 5, 10), (50, 100, 10, 0)]),
        # The next phase ends the one before; a ramp that is cut keeps its slope.
        ([("ramp", 0, 80, 13), ("rate", 40, 20, 1)],
         [(0, 40, 5, 9), (40, 60, 1, 1), (60, 100, 5, 5)]),
        ([("ramp", 60, 80, 13)], [(0, 60, 5, 5), (60, 100, 5, 9)]),
        # Without an end: up to the next phase, whatever its place in the list.
        ([("rate", 70, 0, 2), ("rate", 20, 0, 8)],
         [(0, 20, 5, 5), (20, 70, 8, 8), (70, 100, 2, 2)]),
        # The later of two at one instant holds.
        ([("rate", 20, 0, 8), ("rate", 20, 10, 6)],
         [(0, 20, 5, 5), (20, 30, 6, 6), (30, 100, 5, 5)]),
        ([("rate", 100, 10, 8)], [(0, 100, 5, 5)]),
    ],
)  # fmt: skip
def test_pieces(phases, expected) -> None:
    assert shape(pieces(5.0, tuple(phase(*p) for p in phases), 100)) == expected


def test_window_changes_of_a_closed_load() -> None:
    phases = (phase("window", 30, 0, 240.0), phase("window", 60, 10, 400.0))
    load = Load("closed", window=50, phases=phases)
    assert level_changes(load, 100) == [(0, 50), (30, 240), (60, 400), (70, 50)]


def test_changes_that_change_nothing_are_left_out() -> None:
    load = Load("closed", window=50, phases=(phase("window", 30, 20, 50.0),))
    assert level_changes(load, 100) == [(0, 50)]


def test_first_change_is_the_phase_that_begins_at_once() -> None:
    load = Load("users", count=10, phases=(phase("users", 0, 20, 3.0),))
    assert level_changes(load, 100) == [(0, 3), (20, 10)]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (14.0, [(0, 10), (25, 11), (50, 12), (75, 13)]),
        (6.0, [(0, 10), (25, 9), (50, 8), (75, 7)]),
    ],
)
def test_a_ramp_of_users_steps_at_whole_numbers(target: float, expected) -> None:
    load = Load("users", count=10, phases=(phase("ramp", 0, 100, target),))
    assert level_changes(load, 100) == [*expected, (100, round(target))]


def test_an_open_load_has_no_levels() -> None:
    with pytest.raises(ValueError, match="rate"):
        level_changes(Load("poisson", rate=5.0), 100)
