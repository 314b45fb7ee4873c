"""What a scenario's numbers amount to: by hand, and as `poolsim run --dry-run` shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import poolsim
from poolsim.cli import app
from poolsim.planning.amounts import amounts_of
from poolsim.scenario.load import load_text

TEXT = """
name: fleet
duration: 10s
replications: 3
cluster:
  datacenters: {dc1: {nodes: 6, replication_factor: 3, network: {delay: 0.5ms}}}
  node: {workers: 40, service: {constant: 4ms}}
clients:
  - name: api
    instances: 12
    driver: java3
    cpu: {per_request: 200us, io_threads: 2}
    options: {pooling: {local: {core: 1, max: 2, max_requests: 8, new_connection_threshold: 6}}}
    load:
      poisson: {rate: 6k/s}
      phases: [{name: evening, at: 5s, for: 2s, rate: x6}]
"""


def test_each_number_is_what_a_person_would_compute() -> None:
    base, evening = amounts_of(load_text(TEXT)).amounts
    assert (base.client, base.level, evening.level) == ("api", "base", "evening")
    assert (evening.rate, evening.rate_per_instance) == (36_000, 3_000)
    assert (evening.rate_per_host, evening.rate_per_pool) == (6_000, 500)
    assert evening.in_flight == pytest.approx(36_000 * 5.2e-3, rel=1e-3), "rate x (4 + 1 + 0.2) ms"
    assert evening.in_flight_per_pool == pytest.approx(36_000 * 5.2e-3 / 72, rel=1e-3)
    assert evening.streams_per_pool == 16
    assert evening.utilisation == pytest.approx(36_000 / (6 * 40 / 4e-3), rel=1e-3)
    with_one_lost = 36_000 * (4 / 3) / (6 * 40 / 4e-3)
    assert evening.utilisation_with_one_lost == pytest.approx(with_one_lost, rel=1e-3), "neighbours"
    assert evening.io_utilisation == pytest.approx(36_000 * 200e-6 / 24), "two threads, 6 pools"
    assert evening.process_utilisation == pytest.approx(3_000 * 100e-6), "200us on two threads"
    assert base.io_utilisation == pytest.approx(evening.io_utilisation / 6)


def test_requests_are_those_that_a_run_makes() -> None:
    found = amounts_of(load_text(TEXT))
    assert found.requests == pytest.approx(8 * 6_000 + 2 * 36_000)
    assert found.replications == 3
    assert found.problems == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("nodes: 6", "nodes: 3", "evening: 36,000/s are 120% of the 30,000/s that 3 nodes serve"),
        (
            "rate: x6",
            "rate: 46k/s",
            "evening, with one node lost: 46,000/s are 102% of what the busiest of the others",
        ),
        ("per_request: 200us", "per_request: 1ms", "I/O threads cannot do this: api, evening"),
        ("max_requests: 8", "max_requests: 1", "pools cannot hold this: api, evening"),
    ],
)
def test_what_cannot_be_is_said(old: str, new: str, says: str) -> None:
    text = TEXT.replace(old, new)
    if "max_requests" in new:
        text = text.replace("new_connection_threshold: 6", "new_connection_threshold: 1")
    problems = amounts_of(load_text(text)).problems
    assert any(says in problem for problem in problems)
    assert len(problems) == 1 + ("per_request" in new), "of threads also what a process can do"


def test_a_lost_node_is_a_problem_only_where_it_is_asked_about() -> None:
    text = TEXT.replace("rate: x6", "rate: 46k/s")
    (problem,) = amounts_of(load_text(text)).problems
    assert "with one node lost" in problem
    assert amounts_of(load_text(f"{text}node_loss: false\n")).problems == ()


def test_a_python_process_issues_and_answers_with_one_thread() -> None:
    text = TEXT.partition("    options:")[0].replace("driver: java3", "driver: python")
    text = text.replace("per_request: 200us, io_threads: 2", "issue: 150us, per_request: 300us")
    found = amounts_of(load_text(text + "    load: {uniform: {rate: 27k/s}}\n"))
    assert found.amounts[0].process_utilisation == pytest.approx(27_000 * 450e-6 / 12)
    assert "processes cannot do this: api, base: each is asked for 101%" in found.problems[0]


def test_clients_that_share_nodes_are_summed() -> None:
    more = TEXT + "  - {name: jobs, driver: python, load: {uniform: {rate: 30k/s}}}\n"
    found = amounts_of(load_text(more))
    assert found.datacenters == {"dc1": pytest.approx(66_000 / 60_000, rel=1e-3)}
    assert any("all clients at their highest, dc1 is asked for 110%" in one
               for one in found.problems)  # fmt: skip


def test_a_closed_load_has_no_rate_but_what_is_in_flight() -> None:
    text = TEXT.partition("    load:")[0]
    closed = text + "    load: {closed: {window: 144}, phases: [{name: rush, at: 5s, window: 288}]}"
    base, rush = amounts_of(load_text(closed)).amounts
    assert (base.rate, base.utilisation, base.io_utilisation) == (None, None, None)
    assert (base.in_flight_per_pool, rush.in_flight_per_pool) == (2, 4)


def test_the_command_shows_them_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fleet.yaml").write_text(TEXT.replace("nodes: 6", "nodes: 3"))
    shown = CliRunner().invoke(app, ["run", "fleet.yaml", "--dry-run"])
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.stdout.split())
    assert "evening: 36k/s, 3k/s an instance, 12k/s a host" in text
    assert "The nodes cannot do this" in text or "the nodes cannot do this" in text
    assert "about 120,000 requests a replication, 3 replications" in text
    as_json = CliRunner().invoke(app, ["run", "fleet.yaml", "--dry-run", "--format", "json"])
    document = json.loads(as_json.stdout)
    assert document["amounts"][1]["utilisation"] == pytest.approx(1.2, rel=1e-3)
    assert document["problems"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["fleet.yaml"]
    Path("fleet.yaml").write_text(TEXT.replace("6k/s", "6,000/s"))
    assert CliRunner().invoke(app, ["run", "fleet.yaml", "--dry-run"]).exit_code == 3


@pytest.mark.parametrize(
    ("driver", "balancing", "busiest"),
    [
        ("java3", "{}", 4 / 3),  # of three ranges of its keys, 1/3, 1/2 and 1/2 instead of 1/3 each
        ("java3", "{token_aware: false}", 9 / 8),
        ("python", "{}", 2.0),  # the first replica that is up
        ("python", "{shuffle_replicas: true}", 4 / 3),
    ],
)
def test_a_lost_node_s_load_goes_where_a_run_takes_it(
    driver: str, balancing: str, busiest: float, tmp_path: Path
) -> None:
    nodelay = "" if driver == "java3" else "tcp_nodelay: true, "
    (tmp_path / "ring.yaml").write_text(f"""
name: ring
duration: 2s
replications: 1
cluster:
  datacenters: {{dc1: {{nodes: 9, replication_factor: 3}}}}
  node: {{workers: 64, service: {{constant: 1ms}}}}
clients:
  - name: api
    driver: {driver}
    cpu: {{issue: 0us}}
    options: {{{nodelay}load_balancing: {balancing}}}
    load: {{uniform: {{rate: 9k/s}}}}
faults: [{{at: 0s, node: dc1/1, kind: stop}}]
""")
    scenario = poolsim.load(tmp_path / "ring.yaml")
    (amount,) = amounts_of(scenario.scenario).amounts
    assert amount.utilisation is not None
    assert amount.utilisation_with_one_lost == pytest.approx(amount.utilisation * busiest)
    served = scenario.run().timeline.groupby("node")["requests"].sum()
    assert served.max() / (18_000 / 9) == pytest.approx(busiest, rel=0.06)
