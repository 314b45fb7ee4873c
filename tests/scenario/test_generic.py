"""The generic driver in scenario files: what can be said, what is refused, what is warned of."""

from __future__ import annotations

import pytest

from poolsim.scenario import units
from poolsim.scenario.load import load_text
from poolsim.scenario.mistakes import ScenarioError
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Scenario
from poolsim.scenario.units import UnitError
from poolsim.scenario.warnings import warnings_of


def text(options: str = "{}", client: str = "", expect: str = "[]", driver: str = "generic") -> str:
    return f"""
name: small
duration: 10s
cluster:
  datacenters: {{dc1: {{nodes: 3}}}}
  node: {{service: {{constant: 1ms}}}}
clients:
  - name: api
    driver: {driver}
    options: {options}
    load: {{poisson: {{rate: 100/s}}}}
    {client}
expect: {expect}
"""


def load(options: str = "{}", client: str = "", expect: str = "[]") -> Scenario:
    return load_text(text(options, client, expect))


ALL = """
      pooling:
        local: {core: 2, max: 4, max_requests: 2048}
        remote: {core: 0, max: 1, max_requests: 512}
        selection: by_shard
        shards: 4
        idle_timeout: 60s
        idle_check: 5s
        idle_jitter: 30%
        concurrent_opens: 8
        warming: at_start
      streams: {allocation: sequential, max: 4096}
      backpressure: {high_watermark: 90%, low_watermark: 40%, policy: reject, queue_timeout: 0s,
                     busy: next_host, responses: pause}
      pipelining: false
      heartbeat: {interval: 10s, timeout: 3s, mechanism: ping}
      reconnection: {exponential: {base: 2s, max: 30s, jitter: 15%}}
      connect_timeout: 2s
      read_timeout: 4s
      max_retries: 3
      retry: fallthrough
      load_balancing: {policy: round_robin, token_aware: false, shuffle_replicas: false,
                       used_hosts_per_remote_dc: 1}
      coalescing: {delay: 200us, requests: 16}
      buffers: {read: 128KiB, write: 32kB}
      frames: {request: 300B, response: 8KB}
      network: {bandwidth: 1Gbit/s, tcp_nodelay: false}
      components: {stream_allocation: 100ns, encoding: 9us, prepared_encoding: 2us,
                   prepared_statements: false, copy: 4us, zero_copy: true, syscall: 8us}
      threading: {model: hybrid, connections_per_io_thread: 3, callback_threads: 5,
                  callback: 20us, context_switch: 3us}
      object_pooling: {frames: false, byte_buffers: false, futures: false, row_objects: false}
      gc: {every: 10s, after: 8MiB, pause: 50ms}
      memory: {connection: 256kB, request: 4kB, result: 16kB, thread: 2MB}
      keyspace: true
      authentication_round_trips: 1
"""


def test_every_option_can_be_set_and_comes_back() -> None:
    scenario = load(ALL)
    own = scenario.clients[0].options.generic
    assert own is not None
    assert (own.stream_allocation, own.streams) == ("sequential", 4096)
    assert (own.bandwidth, own.response_size) == (10**9, 8_000)
    assert (own.read_buffer, own.write_buffer) == (131_072, 32_000)
    assert (own.connection_memory, own.result_memory) == (256_000, 16_000)
    assert (own.thread_stack, own.context_switch_ns, own.gc_after) == (2_000_000, 3_000, 8 << 20)
    assert own.request_allocation == 64 + 300 + 64
    assert own.response_allocation == 64 + 8_000 + 8_000
    assert load_text(to_yaml(scenario)) == scenario


def test_defaults_come_back() -> None:
    assert load_text(to_yaml(load())) == load()


def test_requests_are_idempotent_unless_the_file_says_otherwise() -> None:
    """The document retries without asking (002:368); drivers ask, and so do java3 and python."""
    assert load().clients[0].idempotent == 1
    assert load(client="idempotent: false").clients[0].idempotent == 0
    assert load_text(text(driver="java3")).clients[0].idempotent == 0


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ("{pooling: {local: {core: 9}}}", "core 9 is above max 8"),
        ("{pooling: {remote: {core: 3}}}", "core 3 is above max 2"),
        ("{pooling: {local: {max_requests: 0}}}", "max_requests 0: a connection takes no request"),
        ("{pooling: {local: {core: 0, max: 0}}}", "max 0: a pool without connections"),
        ("{backpressure: {high_watermark: 0%}}", "0% is no watermark"),
        ("{backpressure: {high_watermark: 40%}}", "low_watermark is above high_watermark"),
        ("{backpressure: {policy: drop}}", "'drop' is none of queue, reject"),
        ("{pooling: {selection: least_busy}}", "'least_busy' is none of least_loaded"),
        ("{streams: {max: 40000}}", "40000 is too large"),
        ("{gc: {every: 1s, pause: 1s}}", "the client would never run"),
        ("{reconnection: {exponential: {base: 2m}}}", "max is below base"),
        ("{network: {bandwidth: 1Gb}}", "write 1Gbit/s or unlimited"),
        ("{frames: {response: 1GiB}}", "1GiB is not within 1B and 256MiB"),
        ("{pooling: {max_queue_size: 4}}", "unknown key here"),
    ],
)
def test_what_contradicts_itself_is_refused(options: str, refused: str) -> None:
    with pytest.raises(ScenarioError, match=refused):
        load(options)


def test_below_v3_a_connection_has_128_streams() -> None:
    assert load(client="protocol: v2").clients[0].options.local.max_requests == 128
    with pytest.raises(ScenarioError, match="129 is above 128, the streams of a connection on v2"):
        load("{streams: {max: 129}}", "protocol: v2")


@pytest.mark.parametrize(
    ("options", "client", "said"),
    [
        (
            "{backpressure: {policy: reject}}",
            "",
            "a connection never has more than 820 in flight, max_requests 1024 is not reached",
        ),
        ("{streams: {max: 100}}", "", "streams.max 100 is below max_requests 1024"),
        ("{pipelining: false}", "", "a connection sends one request at a time"),
        ("{pooling: {selection: by_shard}}", "", "core 1 for 8 shards leaves 7 without"),
        ("{coalescing: {requests: 8}}", "", "does nothing without coalescing.delay"),
        ("{backpressure: {responses: pause}}", "", "responses pause does nothing"),
        ("{threading: {model: event_loop}}", "cpu: {io_threads: 4}", "io_threads does nothing"),
        ("{gc: {pause: 5ms}}", "", "gc.pause does nothing without gc.every or gc.after"),
        ("{gc: {pause: 5ms, after: 8MB}}", "", "gc.after does nothing: requests allocate nothing"),
        ("{object_pooling: {frames: false}}", "", "does nothing without gc.after and gc.pause"),
        ("{buffers: {write: 8kB}}", "", "buffers.write does nothing without coalescing.delay"),
        ("{network: {bandwidth: 100kbit/s}}", "", "carries less than an instance's 100/s"),
        ("{}", "limit: {max_concurrent: 30k}", "is above the 24576 requests that the pools"),
    ],
)
def test_what_cannot_do_what_it_seems_to_is_said(options: str, client: str, said: str) -> None:
    (warning,) = warnings_of(load(options, client))
    assert warning.startswith("api: ")
    assert said in warning


def test_the_defaults_give_no_warning() -> None:
    assert warnings_of(load()) == []


def test_its_metrics_belong_to_its_clients() -> None:
    assert load(expect="[memory < 20MB, api/throughput_bound > 1M/s]").expectations[0].value == 20e6
    with pytest.raises(ScenarioError, match="memory is a metric of the generic driver only"):
        load_text(text(driver="java3", expect="[memory < 20MB]"))


def test_options_change_at_runtime() -> None:
    changed = load_text(text() + "changes: [{at: 1s, client: api, set: {pooling.local.max: 4}}]")
    assert changed.changes[0].value == 4
    with pytest.raises(ScenarioError):
        load_text(text() + "changes: [{at: 1s, client: api, set: {pooling.selection: random}}]")


@pytest.mark.parametrize(
    ("written", "bits"),
    [("1Gbit/s", 10**9), ("100Mbit/s", 10**8), ("9600bit/s", 9600), ("unlimited", 0)],
)
def test_bandwidths_come_back(written: str, bits: int) -> None:
    assert units.parse_bandwidth(written) == bits
    assert units.format_bandwidth(bits) == written.replace("9600bit/s", "9600bit/s")


@pytest.mark.parametrize(
    "written", ["1Gb/s", "1 MB/s", "0bit/s", "1.5bit/s", "fast", "-1kbit/s", 5]
)
def test_what_is_no_bandwidth_is_refused(written: object) -> None:
    with pytest.raises(UnitError):
        units.parse_bandwidth(written)


def test_the_documents_kb_are_thousands_of_bytes() -> None:
    assert units.parse_size("64KB") == units.parse_size("64kB") == 64_000
    assert units.format_size(128_000) == "128kB"
    assert units.format_size(65_536) == "64KiB"
