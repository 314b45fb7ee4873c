"""Which functions were called, seen without a change to those who call them."""

import pytest

from poolsim.fidelity.soak.firing import Firing


def double(number: int) -> int:
    return 2 * number


def quadruple(number: int) -> int:
    return double(double(number))


def refuse() -> None:
    raise LookupError("nothing")


known_elsewhere = double


@pytest.fixture
def firing() -> Firing:
    return Firing({"double": double, "quadruple": quadruple, "refuse": refuse})


def test_what_was_called_fired(firing: Firing) -> None:
    firing.arm()
    assert double(21) == 42
    assert firing.disarm() == {"double"}


def test_calls_from_within_count(firing: Firing) -> None:
    firing.arm()
    assert quadruple(3) == 12
    assert firing.disarm() == {"double", "quadruple"}


def test_calls_by_another_name_count(firing: Firing) -> None:
    firing.arm()
    assert known_elsewhere(1) == 2
    assert firing.disarm() == {"double"}


def test_what_raises_fired_too(firing: Firing) -> None:
    firing.arm()
    with pytest.raises(LookupError, match="nothing"):
        refuse()
    assert firing.disarm() == {"refuse"}


def test_a_function_is_itself_again_after_its_first_call_and_after_all(firing: Firing) -> None:
    codes = [function.__code__ for function in (double, quadruple, refuse)]
    firing.arm()
    assert double.__code__ is not codes[0]
    double(1)
    assert double.__code__ is codes[0]
    firing.disarm()
    assert [function.__code__ for function in (double, quadruple, refuse)] == codes


def test_every_arming_begins_anew(firing: Firing) -> None:
    firing.arm()
    double(1)
    firing.disarm()
    double(1)
    firing.arm()
    assert firing.disarm() == set()
