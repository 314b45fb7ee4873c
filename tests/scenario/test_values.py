import pytest

from poolsim.scenario.values import KINDS, ValuesError, numbers_of, parse_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("7", ["7"]),
        ("64,128, 256", ["64", "128", "256"]),
        ("1..4", ["1", "2", "3", "4"]),
        ("8..24 step 8,64", ["8", "16", "24", "64"]),
        ("0..1 linear 5", ["0", "1"]),
        ("0..100 linear 5", ["0", "25", "50", "75", "100"]),
        ("1k..40k log 4", ["1000", "3420", "11700", "40000"]),
        ("1ms..1s log 4", ["1ms", "10ms", "100ms", "1s"]),
        ("1k/s..4k/s step 1k/s", ["1000/s", "2000/s", "3000/s", "4000/s"]),
        ("10%..30% step 10%", ["10%", "20%", "30%"]),
        ("x1..x2 linear 3", ["x1", "x1.5", "x2"]),
        ("{max_concurrent: 5, a: [1, 2]},'x, y'", ["{max_concurrent: 5, a: [1, 2]}", "'x, y'"]),
        ("1,1,2", ["1", "2"]),
        ("4,100,128", ["4", "100", "128"]),
        ("1000..1010 log 11", [str(number) for number in range(1000, 1011)]),
    ],
)
def test_values_are_written_out(text: str, values: list[str]) -> None:
    assert list(parse_values(text)) == values


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("1,,2", 2, "empty value"),
        ("8..1", 0, "does not rise"),
        ("5,1ms..2s", 2, "say how to go there"),
        ("1ms..5", 0, "not two quantities of one kind"),
        ("1..9 jump 2", 0, "none of step, linear, log"),
        ("0..9 log 3", 0, "begins above 0"),
        ("1..9 log 1", 0, "2 to 1,000"),
        ("1..9 step 0", 0, "leads nowhere"),
        ("1..5k", 0, "a larger step"),
        ("36,000/s", 0, "for 36,000/s write 36000/s or 36k/s"),
        ("5,1,000", 2, "for 1,000 write 1000 or 1k"),
        ("100,200ms", 0, "for 100,200ms write 100200ms"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(text: str, place: int, says: str) -> None:
    with pytest.raises(ValuesError, match=says) as caught:
        parse_values(text)
    assert caught.value.place == place


def test_every_kind_reads_what_it_writes() -> None:
    for kind, number in zip(KINDS, (20.0, 1_500_000.0, 20_000.0, 0.05, 2.5), strict=True):
        assert kind.read(kind.write(number)) == number


def test_numbers_are_in_si_units_and_words_are_none() -> None:
    assert numbers_of(("1ms", "2s")) == (0.001, 2.0)
    assert numbers_of(("1", "2k")) == (1.0, 2000.0)
    assert numbers_of(("true", "false")) is None
