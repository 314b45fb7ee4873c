"""Numbers as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolsim.estimation.results import Estimate
from poolsim.report import units


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.01231, "s", "12.3ms"),
        (0.00062, "s", "620µs"),
        (0.999_99, "s", "1.00s"),
        (125.0, "s", "125s"),
        (4000.0, "s", "66.7min"),
        (0.0, "s", "0"),
        (812.0, "1/s", "812/s"),
        (20_000.0, "1/s", "20.0k/s"),
        (3.2e6, "1/s", "3.20M/s"),
        (0.05, "share", "5.00%"),
        (1_234_567.0, "count", "1,234,567"),
        (45.1, "count", "45.1"),
        (9.996, "count", "10.0"),
        (math.nan, "s", units.MISSING),
        (math.inf, "s", "never"),
        (None, "s", units.MISSING),
    ],
)
def test_a_quantity_is_short_and_has_its_unit(value: float, unit: str, text: str) -> None:
    assert units.quantity(value, unit) == text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.01231, 0.0002, 10, "s"), "12.31ms ± 0.20 (95 %, 10 runs)"),
        (Estimate(0.01231, math.nan, 1, "s"), "12.31ms (1 run)"),
        (Estimate(0.0, 0.0, 10, "count"), "0 ± 0 (95 %, 10 runs)"),
        (Estimate(3.0, 25.0, 4, "count"), "3 ± 25 (95 %, 4 runs)"),
        (Estimate(math.nan, math.nan, 3, "s"), "no value (3 runs)"),
        (Estimate(math.inf, math.nan, 3, "s"), "never (3 runs)"),
        (Estimate(20_000.0, 120.0, 5, "1/s"), "20.00k/s ± 0.12 (95 %, 5 runs)"),
        (Estimate(0.0, 0.5, 3, "count"), "0.00 ± 0.50 (95 %, 3 runs)"),
    ],
)
def test_an_estimate_shows_its_interval_in_its_own_unit(estimate: Estimate, text: str) -> None:
    assert units.estimate_text(estimate) == text


@given(st.floats(1e-9, 1e9), st.sampled_from(["s", "1/s", "share", "count"]))
def test_a_quantity_never_has_an_exponent_and_never_lies(value: float, unit: str) -> None:
    text = units.quantity(value, unit)
    number = text.rstrip("%/abcdefghijklmnopqrstuvwxyzµM")
    assert "e" not in number
    step = units.scale(value, unit)[0]
    assert float(number.replace(",", "")) * step == pytest.approx(value, rel=0.006)


@given(st.text())
def test_plain_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = units.plain(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066" for c in shown)
    shown.encode("utf-8")
    assert units.plain("api-7 é") == "api-7 é"


@given(st.text(min_size=1), st.integers(3, 40))
def test_a_shortened_name_keeps_its_ends(text: str, limit: int) -> None:
    short = units.shorten(text, limit)
    assert len(short) <= max(limit, 0) or short == text
    assert (short[0], short[-1]) == (text[0], text[-1])
