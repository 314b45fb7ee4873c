from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolsim.scenario import units
from poolsim.scenario.units import ShareOfRun, UnitError


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("30s", 30_000_000_000),
        ("1.2ms", 1_200_000),
        ("250us", 250_000),
        ("250µs", 250_000),
        ("250μs", 250_000),
        ("10ns", 10),
        ("5m", 300_000_000_000),
        ("1h", 3_600_000_000_000),
        ("2d", 172_800_000_000_000),
        (" 12.5 us ", 12_500),
        ("1e3ms", 1_000_000_000),
        ("0.1s", 100_000_000),
        (".5s", 500_000_000),
        ("0s", 0),
        (0, 0),
    ],
)
def test_durations(text: object, nanoseconds: int) -> None:
    assert units.parse_duration(text) == nanoseconds


def test_a_duration_is_exact_where_a_float_is_not() -> None:
    assert units.parse_duration("1.000000001s") == 1_000_000_001
    assert units.parse_duration("9007199.254740993s") == 9_007_199_254_740_993


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (30, "write 30s"),
        ("30", "write 30s"),
        ("30 sec", "write 30s"),
        ("5 min", "write 5m"),
        ("200 msec", "write 200ms"),
        ("1:30", "write 90s"),
        ("0:05:00", "write 300s"),
        ("0.5ns", "finer than a nanosecond"),
        ("-1s", "negative"),
        ("20k/s", "unknown unit"),
        ("soon", "is not a duration"),
        ("1e999s", "too large"),
        ("999999999d", "a hundred years"),
        (True, "is not a duration"),
        (None, "is not a duration"),
        ([1], "is not a duration"),
        (math.nan, "is not a duration"),
        (math.inf, "too large"),
        ("9" * 200 + "s", "too long"),
    ],
)
def test_what_is_no_duration_says_what_to_write(written: object, hint: str) -> None:
    with pytest.raises(UnitError, match=hint):
        units.parse_duration(written)


@given(st.integers(0, units.LONGEST_DURATION_NS))
def test_durations_come_back(nanoseconds: int) -> None:
    assert units.parse_duration(units.format_duration(nanoseconds)) == nanoseconds


@given(st.integers(0, 10**6), st.sampled_from(sorted(units.NANOSECONDS)))
def test_every_unit_means_what_the_table_says(amount: int, unit: str) -> None:
    if amount * units.NANOSECONDS[unit] <= units.LONGEST_DURATION_NS:
        assert units.parse_duration(f"{amount}{unit}") == amount * units.NANOSECONDS[unit]


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (120_000_000_000, "120s"),
        (600_000_000_000, "10m"),
        (3_600_000_000_000, "1h"),
        (1_200_000, "1.2ms"),
        (12_500, "12.5us"),
        (1_234_567, "1234.567us"),
        (1, "1ns"),
        (0, "0s"),
    ],
)
def test_durations_are_written_as_people_would(nanoseconds: int, text: str) -> None:
    assert units.format_duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("text", "per_second"),
    [("100/s", 100), ("20k/s", 20_000), ("1.5M/s", 1.5e6), ("90/m", 1.5), ("1/ms", 1000)],
)
def test_rates(text: str, per_second: float) -> None:
    assert units.parse_rate(text) == per_second


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (100, "write 100/s"),
        ("20k", "write 20k/s"),
        ("30s", "write 30/s"),
        ("20K/s", "write 20k/s"),
        ("5/second", "write 5/s"),
        ("-1/s", "negative"),
        ("fast", "is not a rate"),
        ("1e99/s", "too large"),
    ],
)
def test_what_is_no_rate_says_what_to_write(written: object, hint: str) -> None:
    with pytest.raises(UnitError, match=hint):
        units.parse_rate(written)


@given(st.floats(1e-6, 1e14))
def test_rates_come_back(rate: float) -> None:
    assert units.parse_rate(units.format_rate(rate)) == rate


@given(st.floats(1e-9, 1))
def test_shares_come_back(share: float) -> None:
    assert units.parse_share(units.format_share(share)) == share


@given(st.integers(0, 10**15))
def test_sizes_come_back(size: int) -> None:
    assert units.parse_size(units.format_size(size)) == size


def test_shares_sizes_counts_and_factors() -> None:
    assert units.parse_share("5%") == 0.05
    assert units.parse_share(0.05) == 0.05
    assert units.parse_share(True) == 1
    assert units.parse_share(False) == 0
    assert units.parse_size("64KiB") == 65_536
    assert units.parse_size("1kB") == 1_000
    assert units.parse_count("20k") == 20_000
    assert units.parse_count(1e3) == 1_000
    assert units.parse_number("1.5M") == 1.5e6
    assert units.parse_factor("x3") == 3
    assert units.parse_factor("x0.5") == 0.5
    assert units.parse_factor(5) == 5
    assert units.is_factor("x3")
    assert not units.is_factor("3/s")


@pytest.mark.parametrize(
    ("parse", "written"),
    [
        (units.parse_share, "120%"),
        (units.parse_share, -0.1),
        (units.parse_share, "5ms"),
        (units.parse_size, "64K"),
        (units.parse_size, "-1B"),
        (units.parse_size, "0.5B"),
        (units.parse_count, 1.5),
        (units.parse_count, "3 nodes"),
        (units.parse_count, True),
        (units.parse_count, "1e999"),
        (units.parse_number, "1.5 GiB"),
        (units.parse_factor, "3x"),
        (units.parse_factor, "xx"),
        (units.parse_factor, "x-1"),
    ],
)
def test_what_is_refused(parse: object, written: object) -> None:
    assert callable(parse)
    with pytest.raises(UnitError):
        parse(written)


@given(st.text(max_size=30))
def test_no_text_breaks_a_parser(text: str) -> None:
    for parse in (
        units.parse_duration,
        units.parse_rate,
        units.parse_share,
        units.parse_size,
        units.parse_count,
        units.parse_factor,
        units.parse_moment,
    ):
        with contextlib.suppress(UnitError):
            parse(text)


def test_a_time_may_be_a_share_of_the_run() -> None:
    moment = units.parse_moment("50%")
    assert moment == ShareOfRun(Decimal("0.5"))
    assert isinstance(moment, ShareOfRun)
    assert moment.of(60_000_000_001) == 30_000_000_000
    assert units.parse_moment("2s") == 2_000_000_000
    with pytest.raises(UnitError, match="share of the run"):
        units.parse_moment("101%")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("36,000/s", "36000/s or 36k/s"),
        ("9,000/s", "9000/s or 9k/s"),
        ("9 000 /s", "9000/s or 9k/s"),
        ("36_000/s", "36000/s or 36k/s"),
        ("36'000/s", "36000/s or 36k/s"),
        ("1,000,000/s", "1000000/s or 1M/s"),
        ("36,500/s", "36500/s"),
        ("36,000", "36000/s or 36k/s"),
        ("36,000k/s", "36000k/s"),
        ("1,5k/s", "1.5k/s"),
    ],
)
def test_grouped_digits_of_a_rate_say_what_to_write(written: str, meant: str) -> None:
    with pytest.raises(UnitError) as caught:
        units.parse_rate(written)
    assert str(caught.value).endswith(f"(digits are not grouped): write {meant}")
    for text in meant.split(" or "):
        assert units.parse_rate(text) > 0


@pytest.mark.parametrize(
    ("parse", "written", "meant"),
    [
        (units.parse_duration, "1,500ms", "1500ms"),
        (units.parse_duration, "0,250ms", "0.250ms"),
        (units.parse_duration, "1,5ms", "1.5ms"),
        (units.parse_moment, "1,500s", "1500s"),
        (units.parse_count, "1,024", "1024"),
        (units.parse_count, "20,000", "20000 or 20k"),
        (units.parse_count, "1_024", "1024"),
        (units.parse_size, "1,024KiB", "1024KiB"),
        (units.parse_share, "2,5%", "2.5%"),
    ],
)
def test_grouped_digits_and_decimal_commas_say_what_to_write(
    parse: Callable[[object], object], written: str, meant: str
) -> None:
    with pytest.raises(UnitError) as caught:
        parse(written)
    assert str(caught.value).endswith(f": write {meant}")
    for text in meant.split(" or "):
        parse(text)


@pytest.mark.parametrize("written", ["1,2,4", "12,34,56/s", "abc,000", "36,,000/s"])
def test_other_commas_are_no_groups(written: str) -> None:
    with pytest.raises(UnitError) as caught:
        units.parse_rate(written)
    assert "grouped" not in str(caught.value)
