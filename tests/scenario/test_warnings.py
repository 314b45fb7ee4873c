"""What runs and does not do what it seems to is said, with the consequence."""

from __future__ import annotations

import pytest

from poolsim.scenario.load import load_text
from poolsim.scenario.templates import templates
from poolsim.scenario.warnings import warnings_of
from tests.scenario.test_load import SMALL, small


def warnings(**parts: str) -> list[str]:
    return warnings_of(load_text(small(**parts)))


def pooling(text: str, more: str = "") -> str:
    return f"options: {{pooling: {text}{more}}}"


def nodejs(options: str, protocol: str = "v4") -> list[str]:
    more = f"protocol: {protocol}\n    options: {options}"
    return warnings_of(load_text(small(client=more, driver="nodejs")))


def test_a_node_js_client_without_anything_odd_has_none() -> None:
    assert nodejs("{}") == []


@pytest.mark.parametrize(
    ("options", "protocol", "said"),
    [
        ("{pooling: {local: {core: 0}}}", "v4", "every other host fails all of them"),
        ("{pooling: {warmup: false}}", "v4", "pools are still empty but for one connection"),
        ("{pooling: {max_requests: 0}}", "v4", "every request is refused"),
        (
            "{pooling: {max_requests: 65536}}",
            "v4",
            "max_requests 65536 is above 32768, the stream ids of a connection on v4: no host ever "
            "refuses, what finds no id waits at its connection without any limit",
        ),
        ("{pooling: {max_requests: 129}}", "v2", "is above 128"),
        (
            "{pooling: {max_requests: 64}}",
            "v4",
            "max_requests 64 is not above defunct_read_timeout_threshold 64",
        ),
        ("{read_timeout: 0s}", "v4", "no request times out and no heartbeat fails"),
        ("{read_timeout: 1.5ms}", "v4", "read_timeout 1.5ms: the driver takes whole milliseconds"),
        ("{reconnection: {exponential: {base: 5s, max: 2s}}}", "v4", "every delay is max"),
        (
            "{load_balancing: {policy: dc_aware_round_robin, used_hosts_per_remote_dc: 1}}",
            "v4",
            "no policy of the driver uses hosts of other datacenters",
        ),
        ("{load_balancing: {used_hosts_per_remote_dc: 1}}", "v4", "nothing with policy default"),
        ("{}", "v5", "the driver speaks v4 at most"),
    ],
)
def test_what_the_node_js_driver_takes_in_silence_is_said(
    options: str, protocol: str, said: str
) -> None:
    assert any(said in warning for warning in nodejs(options, protocol))


def test_a_scenario_without_anything_odd_has_none() -> None:
    assert warnings_of(load_text(SMALL)) == []


@pytest.mark.parametrize(
    "template",
    # Configurations as a document has them are what they are: test_cassandraorm_templates.py.
    [template for template in templates() if not template.name.startswith("cassandraorm-")],
    ids=lambda template: template.name,
)
def test_templates_have_none(template: object) -> None:
    assert warnings_of(load_text(template.text)) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            {"client": pooling("{local: {core: 2, max: 8, max_requests: 128}}")},
            "new_connection_threshold 800 is not below max_requests 128, so the pool adds no "
            "connection above core 2 while nothing trashed still holds requests",
        ),
        pytest.param(
            {"client": pooling("{max_queue_size: 0}")},
            "max_queue_size 0 switches the acquisition queue off: a request that finds its "
            "connection full is rejected by that host at once, and pool_timeout 5s does nothing",
            marks=pytest.mark.inventory("java3.queue-off"),
        ),
        pytest.param(
            {"client": pooling("{pool_timeout: 0s}")},
            "pool_timeout 0 switches the acquisition queue off",
            marks=pytest.mark.inventory("java3.queue-off"),
        ),
        pytest.param(
            {"client": pooling("{heartbeat_interval: 5s}")},
            "heartbeat_interval 5s is not above read_timeout 12s: a connection whose requests are "
            "merely slow counts as idle",
            marks=pytest.mark.inventory("java3.heartbeat-interval.above-read-timeout"),
        ),
        pytest.param(
            {"client": pooling("{heartbeat_interval: 12s}")},
            "heartbeat_interval 12s is not above read_timeout 12s",
            marks=pytest.mark.inventory("java3.heartbeat-interval.above-read-timeout"),
        ),
        (
            {"client": pooling("{idle_timeout: 1.5s}")},
            "idle_timeout 1.5s cannot be set on the driver: setIdleTimeoutSeconds takes whole "
            "seconds",
        ),
        (
            {"client": pooling("{local: {core: 0, max: 0}}")},
            "max 0: no connection is ever opened",
        ),
        (
            {"client": pooling("{local: {max_requests: 0, new_connection_threshold: 0}}")},
            "max_requests 0: no connection takes a request",
        ),
        (
            {"client": pooling("{local: {max_requests: 32768}}")},
            "max_requests 32768 leaves no stream for a heartbeat",
        ),
        (
            {
                "load": "{closed: {window: 100}}",
                "client": pooling(
                    "{local: {core: 2, max: 8, max_requests: 128, new_connection_threshold: 100}}"
                ),
            },
            "the pool never grows to max 8: an instance has at most 100 requests in flight, and a "
            "pool of 2 grows above 228",
        ),
        (
            {"client": "limit: {max_concurrent: 5000}"},
            "limit.max_concurrent 5000 is above the 3072 streams and 768 queue places of the 3 "
            "local nodes: it cannot prevent rejections",
        ),
        (
            {
                "driver": "python",
                "client": "protocol: v2\n    options: {pooling: {local: {core: 0, max: 4}}}",
            },
            "pooling.local.core 0: an empty pool asks for core connections, which are none",
        ),
        (
            {
                "client": "options: {load_balancing: {token_aware: false, shuffle_replicas: true}}",
                "driver": "python",
            },
            "shuffle_replicas does nothing without token_aware",
        ),
        (
            {
                "driver": "python",
                "client": "protocol: v2\n    options: {pooling: {local: {core: 9}}}",
            },
            "core 9 is above max 8; the driver does not check it",
        ),
        (
            {"load": "{closed: {window: 3}}", "client": "instances: 5"},
            "window 3 over 5 instances: 2 of them send nothing",
        ),
        (
            {"load": "{trace: {times: [1s, 70s]}}"},
            "1 of 2 requests of the trace come after the end (60s)",
        ),
        (
            {
                "load": "{poisson: {rate: 1/s}, phases: [{at: 1s, for: 2s, rate: x2}]}",
                "warm_up": "5s",
            },
            "phase1 is over before the warm-up is",
        ),
        (
            {"load": "{poisson: {rate: 1/s}, phases: [{at: 50s, for: 20s, rate: x2}]}"},
            "phase1 lasts beyond the end of the run",
        ),
        pytest.param(
            {"changes": "[{at: 1s, client: client1, set: {pooling.heartbeat_interval: 60s}}]"},
            "holds for connections opened after it only",
            marks=pytest.mark.inventory("java3.heartbeat-interval.at-runtime"),
        ),
        (
            {
                "changes": "[{at: 1s, client: client1, "
                "set: {pooling.local.max: 4, pooling.local.core: 2}}]"
            },
            "pooling.local.core raised at runtime opens nothing on v4",
        ),
        (
            {
                "changes": "[{at: 1s, client: client1, "
                "set: {pooling.local.max: 4, pooling.local.max_requests: 100}}]"
            },
            "adds no connection above core 1 while nothing trashed still holds requests: n full "
            "connections hold n x 100, the rule asks for more than (n - 1) x 100 + 800 "
            "(after the change at 1s)",
        ),
        (
            {"datacenters": "{dc1: {nodes: 3}, dc2: {nodes: 3}}"},
            "dc2: no client connects to it",
        ),
        (
            {"faults": "[{at: 1s, for: 99s, node: dc1/1, kind: stop}]"},
            "the fault of dc1/1 at 1s lasts to the end of the run",
        ),
        (
            {"faults": "[{at: 1s, for: 55s, node: dc1/1, kind: stop}]", "expect": "[recover < 9s]"},
            "ends 4s before the run does; recover looks at 10s and cannot be told",
        ),
        (
            {"faults": "[{at: 1s, node: dc1/1, kind: slow, factor: 1}]"},
            "factor 1 and changes nothing",
        ),
        (
            {"client": "kernel: {tcp_keepalive_time: 60s}"},
            "kernel.tcp_keepalive_* does nothing: the driver does not switch keepalive on",
        ),
        (
            {
                "client": "options: {keepalive: true}",
                "faults": "[{at: 1s, node: dc1/1, kind: middlebox, idle_timeout: 5m}]",
            },
            "keepalive comes too late: the kernel probes a connection that was idle for 2h",
        ),
        (
            {"faults": "[{at: 1s, node: dc1/1, kind: middlebox, idle_timeout: 30s}]"},
            "heartbeats come too late: a silent connection is asked after up to 30s, the middlebox "
            "drops it after 30s",
        ),
        (
            {
                "driver": "python",
                "faults": "[{at: 1s, node: dc1/1, kind: middlebox, idle_timeout: 45s}]",
            },
            "a silent connection is asked after up to 2 times 30s",
        ),
        (
            {"faults": "[{at: 1s, node: dc1/1, kind: remove}]"},
            "dc1: only 2 of 3 nodes are in the ring for a time, fewer than replication_factor 3",
        ),
        (
            {"replications": "1", "expect": "[latency.p99 < 9s]"},
            "one replication gives no interval",
        ),
    ],
)
def test_what_is_odd_is_said(parts: dict[str, str], said: str) -> None:
    found = warnings(**parts)
    assert [said in warning for warning in found].count(True) == 1, found


@pytest.mark.parametrize(
    "parts",
    [
        # A lone heartbeat interval of 0 is a choice; so is a threshold when nothing can grow.
        {"client": pooling("{heartbeat_interval: 0s}")},
        {"client": pooling("{local: {core: 1, max: 1, max_requests: 128}}")},
        {"client": "protocol: v2"},
        {
            "datacenters": "{dc1: {nodes: 3}, dc2: {nodes: 3}}",
            "client": "options: {load_balancing: {used_hosts_per_remote_dc: 1}}",
        },
        {"client": "limit: {max_concurrent: 3840}"},
        {"client": "kernel: {tcp_retries2: 8}"},
        {"faults": "[{at: 1s, node: dc1/1, kind: middlebox, idle_timeout: 31s}]"},
        {
            "client": "options: {keepalive: true}\n    kernel: {tcp_keepalive_time: 9s}",
            "faults": "[{at: 1s, node: dc1/1, kind: middlebox, idle_timeout: 10s}]",
        },
    ],
)
def test_what_is_not_odd_is_not_said(parts: dict[str, str]) -> None:
    assert warnings(**parts) == []
