"""Templates answer the questions that they name, and in seconds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poolsim.estimation.run import run_scenario
from poolsim.planning.amounts import amounts_of
from poolsim.planning.points import from_text
from poolsim.planning.recommend.question import ask
from poolsim.planning.recommend.variants import NODE_LOST, NORMAL
from poolsim.scenario.load import load_text
from poolsim.scenario.templates import Template, templates

ROOT = Path(__file__).parents[2]
EVERY = pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
ASKED = {
    "my-fleet": set(),  # everybody's own
    "my-python-service": set(),
    "fan-out": {"spotify/heroic#324"},
    "semaphore": {"openzipkin/zipkin#1356", "apache/cassandra-java-driver#860"},
    "queue-size": {"scylladb/java-driver#577"},
    "square-wave": {"apache/cassandra-java-driver#262"},
    "reconnection-max-delay": {"scylladb/scylladb#15112", "temporalio/temporal#1652"},
    "fleet-bound": {"scylladb/scylla-cdc-source-connector#253"},
    "io-thread": {"scylladb/scylladb#602", "stargate/data-api#617"},
    "reconnect-storm": {
        "scylladb/scylladb#22844",
        "whatyouhide/xandra#269",
        "didip/beaker_extensions#35",
    },
    "busy-connection": {"masumsoft/express-cassandra#214"},
    "heartbeats": {
        "datastax/csharp-driver#630",
        "datastax/csharp-driver#631",
        "apache/cassandra-python-driver#550",
        "apache/cassandra-python-driver#764",
        "apache/cassandra-python-driver#1048",
    },
    "middlebox": set(),  # the manual's own
    "async-cassandra": set(),  # the document's own
    "watermarks": set(),
    "background-load": {"apache/cassandra-spark-connector#1144"},
    "shards": {"scylladb/scylladb#7748"},
    "nested-fan-out": {"linagora/james-project#3218"},
    "slow-node": {"graphene-monitoring/graphene#39"},
    "safe-range": {
        "hawkular/hawkular-metrics#520",
        "rax-maas/blueflood#804",
        "ef-labs/vertx-cassandra#21",
    },
    "many-connections": {"scylladb/java-driver#345"},
    "io-threads": {
        "XRPLF/rippled#4034",
        "XRPLF/clio#808",
        "cortexproject/cortex#2666",
        "BedrockStreaming/CassandraBundle#39",
    },
    "idle-eviction": {
        "palantir/atlasdb#667",
        "palantir/atlasdb#1233",
        "palantir/atlasdb#3942",
    },
    "cold-start": {
        "apache/cassandra-gocql-driver#1490",
        "apache/cassandra-gocql-driver#91",
    },
    "distance": {"scylladb/scylladb#7072"},
    "cassandraorm-production": set(),  # and so are these
    "cassandraorm-high-throughput": set(),
    "cassandraorm-low-latency": set(),
    "cassandraorm-multi-region": set(),
    "cassandraorm-over-configured": set(),
}


def test_each_question_has_its_template() -> None:
    assert {template.name for template in templates()} == {"quickstart", *ASKED}


@EVERY
def test_a_template_says_where_its_question_was_asked(template: Template) -> None:
    comments = "\n".join(line for line in template.text.splitlines() if line.startswith("#"))
    assert set(re.findall(r"[\w.-]+/[\w.-]+#\d+", comments)) == ASKED.get(template.name, set())
    assert template.question.endswith("?")
    assert load_text(template.text).name == template.name


@EVERY
def test_what_a_template_suggests_to_try_can_be_run(template: Template) -> None:
    commands = re.findall(r"^#   poolsim run \S+\.yaml( .*)?$", template.text, re.MULTILINE)
    assert commands
    for command in commands:
        overrides = re.findall(r'--set (?:"([^"]*)"|(\S+))', command)
        load_text(template.text, overrides=[quoted or plain for quoted, plain in overrides])


def test_the_quickstart_of_the_project_is_the_template() -> None:
    template = next(template for template in templates() if template.name == "quickstart")
    committed = (ROOT / "scenarios" / "quickstart.yaml").read_text(encoding="utf-8")
    assert committed == template.text


@pytest.mark.parametrize("name", ["my-fleet", "my-python-service"])
def test_a_template_for_one_s_own_numbers_asks_what_can_be_answered(name: str) -> None:
    """`recommend` can choose among settings that its file has already, and the nodes can do it."""
    (text,) = [template.text for template in templates() if template.name == name]
    question = ask(from_text(text, f"{name}.yaml"))
    assert None not in question.own_places, "the file's own values are among the choices"
    assert [variant.name for variant in question.variants] == [NORMAL, NODE_LOST]
    assert amounts_of(question.base).problems == ()
    assert 20 <= len(question.space) <= 60, "minutes, not an hour"
    for client in question.base.clients:
        assert client.per_request_ns, "what a request costs decides how many instances do"
    assert len(re.findall("# yours$", text, re.MULTILINE)) >= 9


@EVERY
def test_a_template_runs_and_no_expectation_fails(template: Template) -> None:
    scenario = load_text(template.text, overrides=["replications=1"])
    results = run_scenario(scenario, source=f"{template.name}.yaml", jobs=1)
    failed = [verdict.text for verdict in results.verdicts if verdict.status == "failed"]
    assert failed == []
    requests = results.replications[0].metrics["requests"]
    assert 5_000 <= requests <= 50_000, "seconds, not minutes"
    if template.name == "quickstart":
        metrics = results.replications[0].metrics
        assert 10_000 <= requests <= 20_500
        assert metrics["open_connections.max"] > 9, "the pools grow"
        assert metrics["connections_trashed"] > 6
        assert metrics["connections_resurrected"] > 3
        assert metrics["hosts_down"] == 1
        assert not results.stalls
