"""Ten questions small enough to be answered by trying everything: at least 500 settings each.

Each is a scenario, what is chosen among, and its own kind of trouble: growth, queues, bursts, I/O
threads, a lost node, reconnection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class TenthQuestion:
    """A question by name; `settings` are `PATH=VALUES`."""

    name: str
    text: str
    settings: tuple[str, ...]

    def seeded(self, seed: int) -> TenthQuestion:
        """The same with other draws; 0: as it is."""
        return self if not seed else replace(self, text=f"{self.text}\nseed: {seed}\n")


POOLING = "clients.app.options.pooling"
LOCAL = f"{POOLING}.local"


def _text(
    *,
    client: str,
    load: str,
    expect: str,
    cost: str = "",
    duration: str = "600ms",
    service: str = "{exponential: {mean: 4ms}}",
    workers: int = 16,
    nodes: int = 2,
    more: str = "",
) -> str:
    return f"""
name: question
duration: {duration}
warm_up: 0s
replications: 3
cluster:
  datacenters: {{dc1: {{nodes: {nodes}}}}}
  node: {{workers: {workers}, service: {service}}}
clients:
  - name: app
{client}
    load: {load}
expect: [{expect}]
{f"cost: {cost}" if cost else ""}
{more}
"""


JAVA = "    driver: java3\n    protocol: v4"
LEGACY = "    driver: java3\n    protocol: v2"

QUESTIONS = (
    TenthQuestion(
        "streams of a steady load",
        _text(
            client=JAVA,
            load="{poisson: {rate: 1100/s}}",
            expect="rejected == 0, wait.p99 < 1ms, in_flight.max < 40",
            cost="open_connections.max * 4 + max_requests",
        ),
        (f"{LOCAL}.core=1..10", f"{LOCAL}.max=1..12", f"{LOCAL}.max_requests=1..7"),
    ),
    TenthQuestion(
        "queue of a burst",
        _text(
            client=JAVA,
            load="{bursts: {size: 150, first: 50ms}}",
            expect="rejected == 0, wait.p99 < 60ms, latency.p99 < 100ms",
            cost="max_queue_size / 4 + 10 * max + max_requests",
            duration="300ms",
        ),
        (
            f"{LOCAL}.core+max=1..8",
            f"{LOCAL}.max_requests=2,4,8,16,24,32,48,64",
            f"{POOLING}.max_queue_size=8,16,32,64,96,128,192,256",
        ),
    ),
    TenthQuestion(
        "growth into a peak",
        _text(
            client=JAVA,
            load="{poisson: {rate: 200/s}, phases: [{name: peak, at: 100ms, rate: 5k/s}]}",
            expect="rejected == 0, wait.p99@peak < 500us",
            duration="300ms",
            workers=32,
        ),
        (
            f"{LOCAL}.core=1..8",
            f"{LOCAL}.max=8..15",
            f"{LOCAL}.new_connection_threshold=1,2,3,4",
            f"{POOLING}.max_queue_size=16,64",
            f"{LOCAL}.max_requests=4",
        ),
    ),
    TenthQuestion(
        "instances and pools",
        _text(
            client=JAVA,
            load="{poisson: {rate: 5k/s}}",
            expect="wait.p99 < 500us, rejected == 0",
            cost="instances * 12 + open_connections.max * 2 + max_requests",
            duration="250ms",
            workers=64,
        ),
        (
            "clients.app.instances=1..8",
            f"{LOCAL}.core+max=1..8",
            f"{LOCAL}.max_requests=1..8",
        ),
    ),
    TenthQuestion(
        "version 2",
        _text(
            client=LEGACY,
            load="{poisson: {rate: 300/s}, phases: [{name: peak, at: 100ms, rate: 2500/s}]}",
            expect="rejected == 0, wait.mean@peak < 60us",
            service="{lognormal: {median: 4ms, p99: 20ms}}",
            duration="300ms",
            workers=32,
        ),
        (
            f"{LOCAL}.core=1..8",
            f"{LOCAL}.max=8..15",
            f"{LOCAL}.new_connection_threshold=1..4",
            f"{LOCAL}.max_requests=2,4",
        ),
    ),
    TenthQuestion(
        "the legacy Python pool",
        _text(
            client="    driver: python\n    protocol: v2",
            load="{poisson: {rate: 600/s}}",
            expect="errors == 0, latency.p99 < 60ms, connections_opened < 6",
            cost="open_connections.max * 5 + max_requests",
        ),
        (
            f"{LOCAL}.core=1..8",
            f"{LOCAL}.max=1..8",
            f"{LOCAL}.min_requests=0,1",
            f"{LOCAL}.max_requests=2,4,8,16,32,64",
        ),
    ),
    TenthQuestion(
        "I/O threads",
        _text(
            client=f"{JAVA}\n    cpu: {{per_request: 4ms}}",
            load="{poisson: {rate: 500/s}}",
            expect="latency.p99 < 40ms, rejected == 0",
            cost="io_threads * 3 + open_connections.max + max_requests / 8",
        ),
        (
            "clients.app.cpu.io_threads=1..8",
            f"{LOCAL}.core+max=1..8",
            f"{LOCAL}.max_requests=2,4,8,16,32,64,96,128",
        ),
    ),
    TenthQuestion(
        "coming back to a node",
        _text(
            client=JAVA.replace("v4", "v4\n    idempotent: true"),
            load="{poisson: {rate: 20/s}}",
            expect="recover < 4s, errors == 0",
            cost="reconnection_attempts + open_connections.max / 4",
            duration="30s",
            more="faults: [{at: 5s, for: 13.3s, node: dc1/1, kind: stop}]",
        ),
        (
            "clients.app.options.reconnection.exponential.base="
            "100ms,250ms,500ms,1s,1500ms,2s,2500ms,3s",
            "clients.app.options.reconnection.exponential.max=3s,4s,5s,6s,8s,10s,20s,60s",
            f"{LOCAL}.core+max=1..8",
            "clients.app.options.status_events=false",
        ),
    ),
    TenthQuestion(
        "the application's own limit",
        _text(
            client=JAVA,
            load="{poisson: {rate: 200/s}, "
            "phases: [{name: pulse, at: 200ms, for: 200ms, rate: 3k/s}]}",
            expect="rejected == 0, issue_wait.p99 < 120ms, wait.p99 < 30ms",
            cost="max_concurrent / 2 + max_queue_size / 4 + max_requests",
        ),
        (
            "clients.app.limit.max_concurrent=8,16,24,32,48,64,96,128",
            f"{LOCAL}.max_requests=4,8,12,16,24,32,48,64",
            f"{POOLING}.max_queue_size=1,4,8,16,32,64,96,128",
        ),
    ),
    TenthQuestion(
        "queue and timeout near capacity",
        _text(
            client=JAVA,
            load="{poisson: {rate: 1k/s}}",
            expect="rejection_rate < 1%, wait.p99 < 8ms",
            cost="max_requests * 2 + max_queue_size / 4 + open_connections.max",
            workers=6,
            more="node_loss: false",
        ),
        (
            f"{LOCAL}.max_requests=2,3,4,5,6,8,10,12",
            f"{POOLING}.max_queue_size=1,2,4,8,16,32,64,128",
            f"{POOLING}.pool_timeout=5ms,10ms,15ms,20ms,30ms,50ms,100ms,1s",
        ),
    ),
)
