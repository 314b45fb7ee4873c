"""What `search:` names is checked when the file is loaded, each path and each value."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolsim.planning.points import from_file
from poolsim.scenario.load import load, load_text
from poolsim.scenario.mistakes import ScenarioError
from poolsim.scenario.search import REFUSED

TEXT = """
duration: 10s
cluster:
  datacenters: {dc1: {nodes: 2}}
  node: {service: {constant: 1ms}}
clients:
  - name: api
    driver: java3
    options: {pooling: {local: {core: 2, max: 4, max_requests: 64}}}
    load: {poisson: {rate: 10/s}, phases: [{at: 1s, name: peak, rate: x2}]}
search:
"""
LINE = len(TEXT.splitlines()) + 1


def mistakes(*lines: str, before: str = TEXT) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(before + "".join(f"  {line}\n" for line in lines))
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ("clients.api.processes: 1..3", 3, "unknown key: write instances"),
        ("clients.api.instancs: 1..3", 3, "unknown key (did you mean instances?)"),
        ("clients.nope.instances: 1..3", 3, "there is no client nope"),
        ("clients.apy.instances: 1..3", 3, "there is no client apy (did you mean api?)"),
        ("clients.instances: 1..3", 3, "there is no client instances"),
        ("clients[1].instances: 1..3", 3, "clients has 1 item, counting from 0"),
        ("a..b: 1,2", 3, "not a path"),
        ("clients.api.options.pooling.local.core+maxx: 1,2", 3, "did you mean max?"),
        ("clients.api.options.poling.local.max: 5,6", 3, "did you mean pooling?"),
        ("clients.api.instances: 0..2", 26, "0 is too small: at least 1"),
        ("clients.api.instances: 1,two", 26, "'two' is not a whole number"),
        ("clients.api.instances: '1,,2'", 26, "an empty value"),
        ("clients.api.instances: 3..1", 26, "3..1 does not rise"),
        ("clients.api.instances: 0", 26, "0 is too small: at least 1"),
        ("clients.api.load.poisson.rate: 36,000/s", 34, "for 36,000/s write 36000/s or 36k/s"),
        ("clients.api.protocol: v3,v9", 25, "'v9' is not a protocol version"),
    ],
)
def test_a_mistake_has_its_place_in_the_file(line: str, column: int, says: str) -> None:
    (only,) = mistakes(line)
    path = line.partition(": ")[0]
    assert only.startswith(f"scenario.yaml:{LINE}:{column}: search.{path}: "), only
    assert says in only


def test_every_mistake_is_said_once_with_those_of_the_rest_of_the_file() -> None:
    found = mistakes(
        "clients.api.instances: 0,1,0.5,2",
        "clients.api.processes: 1..3",
        before=TEXT.replace("nodes: 2", "nodes: 0"),
    )
    assert [one.partition(": ")[2].partition(": ")[0] for one in found] == [
        "cluster.datacenters.dc1.nodes",
        "search.clients.api.instances",
        "search.clients.api.instances",
        "search.clients.api.processes",
    ]


def test_a_path_that_is_varied_twice_is_said() -> None:
    local = "clients.api.options.pooling.local"
    (only,) = mistakes(f"{local}.core+max: 1,2", f"{local}.max: 3,4")
    assert only.startswith(f"scenario.yaml:{LINE + 1}:3:")
    assert only.endswith(f"{local}.max is varied twice: keep one")


def test_what_the_driver_refuses_is_no_mistake_since_other_points_may_be_well() -> None:
    text = TEXT + "  clients.api.options.pooling.local.core: 1,2,8\n"
    assert len(load_text(text).plan.search) == 1
    with pytest.raises(ScenarioError, match=REFUSED):
        load_text(text, overrides=["clients.api.options.pooling.local.core=8"])


def test_values_that_go_with_one_another_only_are_tried_together() -> None:
    """A phase at 20 s lies beyond the run of 10 s, and within each of those to choose among."""
    load_text(TEXT + "  clients.api.load.phases[0].at: 20s,30s\n  duration: 60s,90s\n")
    (only,) = mistakes("clients.api.load.phases[0].at: 20s,30s", "duration: 15s,90s")[:1]
    assert "peak begins at 20s" in only or "begins at 20s" in only


def test_the_file_s_own_settings_on_the_command_line_count(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT + "  clients.web.instances: 1..3\n")
    with pytest.raises(ScenarioError, match="there is no client web"):
        load(path)
    assert load(path, ["clients[0].name=web"]).clients[0].name == "web"


def test_points_of_a_file_do_not_check_its_search_again(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT + "  clients.api.instances: 0..3\n")
    with pytest.raises(ScenarioError, match="too small"):
        from_file(path)(())
    path.write_text(TEXT + "  clients.api.instances: 1..3\n")
    source = from_file(path)
    source(())
    path.write_text(TEXT + "  clients.api.instances: 0..3\n")
    assert source(["clients.api.instances=2"]).clients[0].instances == 2
