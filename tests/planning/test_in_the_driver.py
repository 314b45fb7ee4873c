"""A choice in the driver's own words, and where it is Nagle's algorithm that there is none."""

from __future__ import annotations

import pytest

from poolsim.planning.execute import Executor
from poolsim.planning.points import from_text
from poolsim.planning.recommend.answer import Answer
from poolsim.planning.recommend.in_the_driver import in_the_driver
from poolsim.planning.recommend.question import ask
from poolsim.planning.recommend.run import recommend

TEXT = """
name: small
duration: 500ms
warm_up: 0s
replications: 3
cluster:
  datacenters: {{dc1: {{nodes: 2, network: {{delay: 0.25ms}}}}}}
  node: {{workers: 16, service: {{constant: {service}}}}}
clients:
  - name: app
    driver: {driver}
    protocol: {protocol}
    options: {options}
    load: {load}
expect: [errors == 0, "latency.p99 < {limit}"]
node_loss: false
cost: instances
"""


STEADY = {"service": "2ms", "load": "{uniform: {rate: 1k/s}}"}
IN_BURSTS = {"service": "25ms", "load": "{bursts: {size: 8, every: 100ms}}"}
"""Of eight requests at once all but the first wait until it is answered, or acknowledged."""


def text_of(
    driver: str,
    protocol: str = "v4",
    options: str = "{}",
    limit: str = "20ms",
    parts: dict[str, str] = STEADY,
) -> str:
    return TEXT.format(driver=driver, protocol=protocol, options=options, limit=limit, **parts)


@pytest.mark.parametrize(
    ("driver", "protocol", "setting", "lines"),
    [
        ("java3", "v4", "pooling.max_queue_size=16,64", ["PoolingOptions.setMaxQueueSize(16)"]),
        (
            "java3", "v4", "pooling.local.max_requests=8,16",
            ["PoolingOptions.setMaxRequestsPerConnection(HostDistance.LOCAL, 8)"],
        ),
        (
            "java3", "v2", "pooling.local.core+max=3,4",
            [
                "PoolingOptions.setCoreConnectionsPerHost(HostDistance.LOCAL, 3)",
                "PoolingOptions.setMaxConnectionsPerHost(HostDistance.LOCAL, 3)",
            ],
        ),
        (
            "java3", "v4", "pooling.pool_timeout=500ms,5s",
            ["PoolingOptions.setPoolTimeoutMillis(500)"],
        ),
        (
            "java3", "v4", "pooling.idle_timeout=60s,120s",
            ["PoolingOptions.setIdleTimeoutSeconds(60)"],
        ),
        ("java3", "v4", "tcp_nodelay=false,true", ["SocketOptions.setTcpNoDelay(false)"]),
        ("java3", "v4", "retry=default,fallthrough", []),
        ("java3", "v4", "reconnection.constant.delay=1s,2s", []),
        (
            "python", "v2", "pooling.local.max=8,9",
            ["Cluster.set_max_connections_per_host(HostDistance.LOCAL, 8)"],
        ),
        ("python", "v4", "connect_timeout=2500ms,5s", ["Cluster.connect_timeout = 2.5"]),
        (
            "python", "v4", "tcp_nodelay=true,false",
            ["Cluster(sockopts=[(IPPROTO_TCP, TCP_NODELAY, 1)])"],
        ),
        (
            "nodejs", "v4", "pooling.max_requests=512,2048",
            ["pooling.maxRequestsPerConnection: 512"],
        ),
        (
            "nodejs", "v4", "pooling.local.core=2,3",
            ["pooling.coreConnectionsPerHost[distance.LOCAL]: 2"],
        ),
        ("nodejs", "v4", "connect_timeout=2s,5s", ["socketOptions.connectTimeout: 2000"]),
        ("generic", "v4", "pooling.local.max=2,3", []),
    ],
)  # fmt: skip
def test_a_choice_is_written_as_the_driver_s_own_api_has_it(
    driver: str, protocol: str, setting: str, lines: list[str]
) -> None:
    source = from_text(text_of(driver, protocol), "small.yaml")
    question = ask(source, [f"clients.app.options.{setting}"])
    assert in_the_driver(question, 0) == tuple(lines)


def test_of_several_clients_each_line_names_its_own() -> None:
    more = text_of("java3").replace(
        "expect:", "  - {name: jobs, driver: java3, load: {uniform: {rate: 1/s}}}\nexpect:"
    )
    path = "options.pooling.max_queue_size"
    settings = [
        f"clients.app.{path}=16,64",
        f"clients[1].{path}=32,64",
        "clients.app.instances=1,2",
    ]
    question = ask(from_text(more, "small.yaml"), settings)
    assert in_the_driver(question, 0) == (
        "app: PoolingOptions.setMaxQueueSize(16)",
        "jobs: PoolingOptions.setMaxQueueSize(32)",
    )


def answer_to(options: str, limit: str) -> Answer:
    text = text_of("python", options=options, limit=limit, parts=IN_BURSTS)
    question = ask(from_text(text, "small.yaml"), ["clients.app.instances=1,2"])
    return recommend(question, Executor(1))


def test_a_latency_that_nagle_s_algorithm_breaks_names_it_and_its_cure() -> None:
    held_back = answer_to("{}", "35ms")
    assert held_back.status == "none"
    assert "TCP_NODELAY off" in held_back.advice[0]
    assert "latency.p99 < 35ms has no room for" in held_back.advice[0]
    assert held_back.advice[0].endswith("here options: {tcp_nodelay: true}")
    assert answer_to("{tcp_nodelay: true}", "35ms").status == "found", "the cure cures"


def test_a_latency_that_breaks_without_it_too_does_not_name_it() -> None:
    too_short = answer_to("{}", "1ms")
    assert too_short.status == "none"
    assert not any("Nagle" in one for one in too_short.advice)
