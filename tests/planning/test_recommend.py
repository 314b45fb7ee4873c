"""recommend: what it chooses, how it says so, and that it is the best of all."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from poolsim.cli import app
from poolsim.planning.execute import Executor
from poolsim.planning.points import from_text
from poolsim.planning.recommend.answer import Answer
from poolsim.planning.recommend.asked import default_settings
from poolsim.planning.recommend.question import MOST_POINTS, ask
from poolsim.planning.recommend.run import recommend
from poolsim.planning.recommend.variants import NODE_LOST, NORMAL
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.mistakes import ScenarioError
from tests.planning.exhaustive import LARGEST_REGRET, LARGEST_SHARE, compare
from tests.planning.small_scenario import POOLING, SMALL
from tests.planning.ten_questions import QUESTIONS

SEARCH = [f"{POOLING}.local.core+max=1..4", f"{POOLING}.local.max_requests=1..6"]
TEXT = SMALL.replace("replications: 2", "replications: 3") + "cost: max * 4 + max_requests\n"


def answer_to(text: str = TEXT, settings: list[str] = SEARCH, jobs: int = 1) -> Answer:
    return recommend(ask(from_text(text, "small.yaml"), settings), Executor(jobs))


@pytest.fixture(scope="module")
def answer() -> Answer:
    return answer_to()


def test_the_choice_holds_in_normal_operation_and_with_a_node_lost(answer: Answer) -> None:
    assert answer.status == "found"
    assert answer.exit_code == 0
    assert [variant.name for variant in answer.question.variants] == [NORMAL, NODE_LOST]
    assert {margin.verdict.status for margin in answer.margins} == {"passed"}
    assert len(answer.margins) == 2 * 2, "two expectations, twice"


def test_a_step_smaller_breaks_something_or_saves_nothing(answer: Answer) -> None:
    assert answer.choice is not None
    cost = answer.choice.cost.mean
    assert answer.steps
    for step in answer.steps:
        assert step.breaks or step.saves.mean <= 0.05 * cost
    broken = [step for step in answer.steps if step.breaks]
    assert broken
    assert any("streams bind" in reason or "tightest" in reason for reason in answer.reasons)


def test_what_is_as_good_costs_at_most_five_percent_more(answer: Answer) -> None:
    assert answer.choice is not None
    assert answer.near_optimal[0].number == answer.choice.number
    for one in answer.near_optimal:
        assert one.status == "passed"
        assert one.extra_cost.mean <= 0.05 * answer.choice.cost.mean


def test_the_answer_does_not_depend_on_the_number_of_processes(answer: Answer) -> None:
    other = answer_to(jobs=2)
    assert other.choice == answer.choice
    assert (other.digest, other.simulated) == (answer.digest, answer.simulated)
    assert other.near_optimal == answer.near_optimal


def test_another_seed_asks_another_question(answer: Answer) -> None:
    other = answer_to(settings=[*SEARCH, "seed=5"])
    assert other.question.inputs != answer.question.inputs
    assert other.digest != answer.digest


def test_where_nothing_holds_the_nearest_is_named(answer: Answer) -> None:
    nothing = answer_to(TEXT.replace("wait.p99 < 5ms", "latency.p99 < 1us"))
    assert (nothing.status, nothing.exit_code) == ("none", 1)
    assert nothing.choice is None
    assert nothing.nearest is not None
    assert any(margin.verdict.status == "failed" for margin in nothing.margins)


def test_a_limit_at_the_mean_itself_stays_undecided(answer: Answer) -> None:
    text = TEXT.replace("  - wait.p99 < 5ms", "  - requests > 498").replace("  - errors == 0\n", "")
    undecided = answer_to(text, [f"{POOLING}.local.max_requests=30..33", f"{POOLING}.local.max=2"])
    assert (undecided.status, undecided.exit_code) == ("undecided", 4)
    assert undecided.undecided


def test_a_single_node_is_not_asked_to_be_lost() -> None:
    question = ask(from_text(TEXT.replace("nodes: 2", "nodes: 1"), "small.yaml"), SEARCH)
    assert [variant.name for variant in question.variants] == [NORMAL]
    asked = ask(from_text(TEXT + "node_loss: false\n", "small.yaml"), SEARCH)
    assert [variant.name for variant in asked.variants] == [NORMAL]


def test_the_scenario_s_own_search_is_used_and_the_command_line_is_stronger() -> None:
    text = TEXT + f"search: {{{POOLING}.local.max: 1..3}}\n"
    assert ask(from_text(text, "small.yaml")).space.shape == (3,)
    assert ask(from_text(text, "small.yaml"), SEARCH).space.shape == (4, 6)


@pytest.mark.parametrize(
    ("driver", "protocol", "varied"),
    [
        ("java3", "v4", {"core", "max", "max_requests", "new_connection_threshold"}),
        ("python", "v4", {"instances", "max_concurrent"}),
        ("python", "v2", {"core", "max", "max_requests"}),
    ],
)
def test_without_a_search_what_matters_for_the_driver_is_varied(
    driver: str, protocol: str, varied: set[str]
) -> None:
    text = TEXT.partition("    options:")[0] + "    load: {poisson: {rate: 500/s}}\n"
    text = text.replace("driver: java3", f"driver: {driver}\n    protocol: {protocol}")
    text = text.replace("    driver:", "    instances: 7\n    driver:")
    question = ask(from_text(text + "expect: [errors == 0]\n", "small.yaml"))
    labels = {parameter.short_label for parameter in question.space.parameters}
    assert varied <= labels
    assert len(question.space) >= 12
    own = {
        "core": (client := question.base.clients[0]).options.local.core,
        "max": client.options.local.max,
        "max_requests": client.options.local.max_requests,
        "instances": client.instances,
    }
    for parameter in question.space.parameters:
        if parameter.short_label in own:
            assert str(own[parameter.short_label]) in parameter.texts, "what the file has"


def varied_by_default(client: str) -> dict[str, tuple[str, ...]]:
    head = TEXT.split("    options:")[0]
    text = f"{head}{client}\nexpect: [errors == 0]\n"
    return {one.label: one.texts for one in ask(from_text(text, "small.yaml")).space.parameters}


def test_instances_are_varied_where_the_file_says_what_a_request_costs_one() -> None:
    load = "    load: {poisson: {rate: 20k/s}}"
    cost = "    cpu: {per_request: 200us, io_threads: 2}"
    labels = varied_by_default(f"{load}\n{cost}")
    assert labels["clients.app.instances"] == ("1", "2", "4"), "20k/s x 200us on 2 threads: 2"
    assert "clients.app.instances" not in varied_by_default(load)


def test_a_fleet_that_the_file_gives_stays_as_it_is() -> None:
    labels = varied_by_default(
        "    instances: 3\n    load: {poisson: {rate: 20k/s}}\n"
        "    cpu: {per_request: 200us, io_threads: 2}"
    )
    assert "clients.app.instances" not in labels


@pytest.mark.parametrize("rate", ["1/s", "1k/s", "50k/s", "500k/s"])
@pytest.mark.parametrize("protocol", ["v2", "v4"])
def test_the_default_search_is_small_enough_at_any_load(rate: str, protocol: str) -> None:
    head = TEXT.split("    options:")[0]
    head = head.replace("driver: java3", f"driver: java3\n    protocol: {protocol}")
    client = (
        "    instances: 7\n    cpu: {per_request: 200us}\n"
        "    options: {pooling: {local: {core: 5, max: 13, max_requests: 77, "
        "new_connection_threshold: 41}, max_queue_size: 99, pool_timeout: 750ms}}\n"
        f"    load: {{poisson: {{rate: {rate}}}}}\nexpect: [errors == 0]\n"
    )
    assert 12 <= len(ask(from_text(head + client, "small.yaml")).space) <= MOST_POINTS


def test_the_default_search_of_a_pool_of_one_size_varies_only_what_there_is() -> None:
    head = TEXT.split("    options:")[0].replace(
        "driver: java3", "driver: nodejs\n    protocol: v4"
    )
    client = "    load: {poisson: {rate: 20k/s}}\nexpect: [errors == 0]\n"
    question = ask(from_text(head + client, "small.yaml"))
    labels = {one.label: one.texts for one in question.space.parameters}
    assert labels["clients.app.options.pooling.max_requests"] == ("512", "2048", "8192")
    assert "1" in labels["clients.app.options.pooling.local.core"]
    assert len(labels) == 2


def test_of_equal_settings_the_one_that_changes_least_is_chosen() -> None:
    """The timeout costs nothing and changes nothing here: it stays what it is."""
    settings = [*SEARCH, f"{POOLING}.pool_timeout=1s,5s,9s"]
    answer = answer_to(settings=settings)
    assert answer.choice is not None
    assert answer.question.own_places == (None, 3, 1), "the file has core 1, max 2; 4; the 5s"
    assert answer.choice.values[f"{POOLING}.pool_timeout"] == "5s"


def test_one_value_on_the_command_line_takes_a_path_out_of_the_file_s_search() -> None:
    text = TEXT + f"search: {{{POOLING}.local.max: 1..3, {POOLING}.local.max_requests: 2..5}}\n"
    question = ask(from_text(text, "small.yaml"), [f"{POOLING}.local.max=2"])
    assert [one.short_label for one in question.space.parameters] == ["max_requests"]
    assert {question.scenario(n).clients[0].options.local.max for n in range(4)} == {2}


def test_headroom_asks_for_as_much_more_load(answer: Answer) -> None:
    more = answer_to(settings=[*SEARCH, "headroom=30%"])
    assert more.question.base.clients[0].load.rate == 500, "the file's load"
    assert more.question.scenario(0).clients[0].load.rate == 650
    assert more.question.inputs != answer.question.inputs
    assert answer.choice is not None
    assert more.choice is not None
    assert more.choice.cost.mean > answer.choice.cost.mean
    assert answer.holds_to is not None
    assert more.holds_to is not None
    assert more.holds_to >= 1.3
    assert answer.breaks_at is not None
    assert answer.breaks_at <= 2


def test_what_would_be_asked_is_shown_without_simulating(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(TEXT + f"search: {{{POOLING}.local.max: '1,2,3'}}\n")

    def simulated(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be simulated")

    monkeypatch.setattr(Executor, "run", simulated)
    words = ["recommend", "small.yaml", "--dry-run", "--headroom", "25%"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.stdout.split())
    assert f"{POOLING}.local.max: 1, [2], 3" in text
    assert "3 settings, of which 3 are simulated at most" in text
    assert "with one node lost: dc1/1 is stopped before the first request" in text
    assert "headroom: 25% more load than the file has" in text
    assert "cpu.per_request is 0" in text
    assert not Path("recommendations").exists()
    document = json.loads(CliRunner().invoke(app, [*words, "--format", "json"]).stdout)
    assert document["search"] == {f"{POOLING}.local.max": ["1", "2", "3"]}
    assert document["expect"] == ["errors == 0", "wait.p99 < 5ms"]
    assert document["fixed"] == ["headroom=25%"]


@pytest.mark.parametrize(
    ("driver", "protocol", "some"),
    [
        ("java3", "v4", {"instances", "options.pooling.local.core", "options.pooling.local.max"}),
        ("python", "v4", {"instances", "limit.max_concurrent"}),
        ("python", "v2", {"options.pooling.local.core"}),
        ("nodejs", "v4", {"options.pooling.local.core", "options.pooling.max_requests"}),
    ],
)
def test_a_driver_s_page_names_what_is_chosen_among(
    driver: str, protocol: str, some: set[str]
) -> None:
    assert some <= set(default_settings(driver, protocol))
    page = " ".join(CliRunner().invoke(app, ["drivers", driver]).stdout.split())
    assert all(f"{path}" in page.partition("recommend chooses among")[2] for path in some)


def test_every_driver_has_a_default_search() -> None:
    for driver in DRIVERS:
        for protocol in ("v2", "v4"):
            assert default_settings(driver, protocol)


@pytest.mark.parametrize(("headroom", "busy"), [("0%", "120%"), ("50%", "180%")])
def test_what_no_setting_can_do_is_said_of_the_load_that_is_asked_about(
    headroom: str, busy: str
) -> None:
    text = """
name: too-much
duration: 200ms
replications: 2
cluster: {datacenters: {dc1: {nodes: 2}}, node: {workers: 2, service: {constant: 4ms}}}
clients:
  - name: app
    driver: java3
    load: {uniform: {rate: 1200/s}}
expect: [latency.p99 < 5ms]
"""
    settings = [f"{POOLING}.local.max_requests=64,128", f"headroom={headroom}"]
    answer = answer_to(text, settings)
    assert answer.choice is None
    assert len(answer.reasons) == 1
    assert f"are {busy} of the 1,000/s that 2 nodes serve" in answer.reasons[0]


def test_nothing_expected_is_said() -> None:
    with pytest.raises(ScenarioError, match="nothing is expected"):
        ask(from_text(SMALL.partition("expect:")[0], "small.yaml"), SEARCH)


def test_the_command_writes_and_explains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(TEXT)
    words = ["recommend", "small.yaml", "--jobs", "1"]
    for setting in SEARCH:
        words += ["--set", setting]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "The cheapest setting that meets every expectation" in result.stdout
    assert "One step smaller" in result.stdout
    assert "in the driver: PoolingOptions.setMaxConnectionsPerHost(HostDistance.LOCAL, 1)" in (
        " ".join(result.stdout.split())
    )
    assert "--headroom 30%" in result.stdout
    assert "What binds" in result.stdout
    assert Path("recommendations/small.yaml").read_text().startswith("# Written by `poolsim")
    last = result.stdout.strip().splitlines()[-1]
    assert last.startswith("poolsim run small.yaml --replications")


def test_the_answer_is_the_best_of_all_settings() -> None:
    """One of the ten questions; `make proof` asks all of them."""
    (one,) = (one for one in QUESTIONS if one.name == "queue of a burst")
    found = compare(one, Executor(1))
    assert found.is_fair
    assert math.isfinite(found.cost), "the choice meets the expectations"
    assert found.regret <= LARGEST_REGRET
    assert found.share_simulated < LARGEST_SHARE
