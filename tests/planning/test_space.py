import pytest

from poolsim.planning.points import from_text, load_points
from poolsim.planning.space import parse_space
from poolsim.scenario.mistakes import ScenarioError
from tests.planning.small_scenario import POOLING, SMALL

SOURCE = from_text(SMALL, "small.yaml")


def test_points_are_all_combinations_the_last_parameter_fastest() -> None:
    space = parse_space(["a=1,2", "b=3", "c=x,y,z"])
    assert space.shape == (2, 3)
    points = list(space)
    assert [point.texts for point in points[:4]] == [("1", "x"), ("1", "y"), ("1", "z"), ("2", "x")]
    assert points[4].overrides == ("b=3", "a=2", "c=y")
    assert all(space.at(point.places) == point for point in points)


def test_paths_joined_by_plus_take_the_same_value() -> None:
    (parameter,) = parse_space(["a.b.core+max=1..2"]).parameters
    assert parameter.paths == ("a.b.core", "a.b.max")
    assert parameter.short_label == "core+max"


@pytest.mark.parametrize(
    ("settings", "place", "says"),
    [
        (["clients.app.instances"], 1, "PATH=VALUES"),
        (["a=1,,2"], 5, "empty value"),
        (["a=1..3", "a=4..5"], 1, "varied twice"),
        (["a=1..1000", "b=1..1000"], 1, "1,000,000 points"),
        (["a.+b=1..2"], 1, "both sides"),
    ],
)
def test_mistakes_are_reported_at_the_setting(settings: list[str], place: int, says: str) -> None:
    with pytest.raises(ScenarioError, match=says) as caught:
        parse_space(settings)
    assert caught.value.mistakes[0].column == place


def test_what_a_driver_refuses_is_a_point_without_a_scenario() -> None:
    space = parse_space([f"{POOLING}.local.core=1,3", f"{POOLING}.local.max=2,4"])
    loaded = load_points(SOURCE, space)
    assert [one.scenario is None for one in loaded] == [False, False, True, False]
    assert "core 3 is above max 2" in loaded[2].refusal
    assert loaded[2].inputs == ""
    assert len({one.inputs for one in loaded}) == 4


def test_a_mistake_is_no_refusal() -> None:
    with pytest.raises(ScenarioError, match="unknown key"):
        load_points(SOURCE, parse_space([f"{POOLING}.local.maxx=1,2"]))


def test_where_every_point_is_refused_the_first_says_why() -> None:
    with pytest.raises(ScenarioError, match="core 5 is above max 2"):
        load_points(SOURCE, parse_space([f"{POOLING}.local.core=5,6"]))
