"""Malformed scenario files, many kinds of mistake, the same ones every time.

Each kind takes a good scenario (as text, or as the tree that its text holds), breaks one thing and
says what the message must speak of.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from poolsim.scenario.templates import templates

EACH = 3
"""Files of each kind, unless a kind says fewer."""

RICH = """
name: rich
duration: 5m
cluster:
  datacenters:
    dc1: {nodes: 6, replication_factor: 3, racks: 3, network: {delay: 0.25ms}}
    dc2: {nodes: 3, network: {delay: 40ms, from: {dc1: 41ms}}}
  node:
    workers: 32
    accepts: 500/s
    service: {lognormal: {median: 1.2ms, p99: 12ms}}
clients:
  - name: api
    instances: 12
    datacenter: dc1
    driver: java3
    protocol: v4
    idempotent: true
    options:
      pooling:
        local: {core: 2, max: 8, max_requests: 128, new_connection_threshold: 100}
        idle_timeout: 120s
        max_queue_size: 256
        pool_timeout: 5s
      reconnection: {exponential: {base: 1s, max: 10m}}
    cpu: {issue: 10us, per_request: 12.5us, io_threads: 2}
    load:
      poisson: {rate: 200/s}
      phases:
        - {name: spike, at: 2m, for: 30s, rate: x3}
        - {at: 3m, for: 30s, ramp_to: 400/s}
    limit: {max_concurrent: 1000}
  - name: batch
    driver: python
    protocol: v2
    options:
      pooling: {local: {core: 1, max: 4, min_requests: 5, max_requests: 100}}
    load:
      closed: {window: 20, error_pause: 2ms}
      phases: [{at: 10s, window: 40}]
faults:
  - {at: 60s, for: 40s, node: dc1/3, kind: stop}
  - {at: 90s, for: 10s, node: dc1/4, kind: slow, factor: x5}
changes:
  - {at: 90s, client: api, set: {pooling.local.max: 9}}
expect:
  - rejected == 0
  - api/latency.p99@spike < 20ms
  - recover < 30s
"""

Broken = tuple[str | bytes, str]
"""A file's content and a part of the message that it must give."""
TextKind = Callable[[str, random.Random], Broken]
TreeKind = Callable[[dict[str, Any], random.Random], str]


@dataclass(frozen=True)
class MalformedFile:
    kind: str
    number: int
    content: bytes
    fragment: str


TEXT_KINDS: dict[str, TextKind] = {}
TREE_KINDS: dict[str, TreeKind] = {}
LIMITS: dict[str, int] = {}


def text_kind(limit: int = EACH) -> Callable[[TextKind], TextKind]:
    def register(kind: TextKind) -> TextKind:
        TEXT_KINDS[kind.__name__] = kind
        LIMITS[kind.__name__] = limit
        return kind

    return register


def tree_kind(kind: TreeKind) -> TreeKind:
    TREE_KINDS[kind.__name__] = kind
    LIMITS[kind.__name__] = EACH
    return kind


@cache
def bases() -> tuple[str, ...]:
    """Good scenarios whose first client, the one that mistakes are made in, is of java3."""
    texts = [RICH, *(template.text for template in templates())]
    return tuple(text for text in texts if yaml.safe_load(text)["clients"][0]["driver"] == "java3")


def generate() -> list[MalformedFile]:
    """All files, in a fixed order."""
    files: list[MalformedFile] = []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    trees = {base: yaml.load(base, Loader=loader) for base in bases()}
    # What is broken in a tree is an option of java3, or a node of dc1.
    fit = [base for base, tree in trees.items() if _fits(tree)]
    for name in [*TEXT_KINDS, *TREE_KINDS]:
        for number in range(LIMITS[name]):
            draw = random.Random(f"{name}/{number}")
            base = RICH
            if name in TEXT_KINDS or number % 2:
                base = draw.choice(fit if name in TREE_KINDS else bases())
            if name in TREE_KINDS:
                tree = copy.deepcopy(trees[base])
                fragment = TREE_KINDS[name](tree, draw)
                content: str | bytes = yaml.dump(tree, Dumper=dumper, sort_keys=False)
            else:
                content, fragment = TEXT_KINDS[name](base, draw)
            data = content.encode() if isinstance(content, str) else content
            files.append(MalformedFile(name, number, data, fragment))
    return files


def _fits(tree: dict[str, Any]) -> bool:
    drivers = {client["driver"] for client in tree["clients"]}
    return (
        "java3" in drivers
        and tree["clients"][0]["driver"] == "java3"
        and ("dc1" in tree["cluster"]["datacenters"])
    )


# The file as a whole ------------------------------------------------------------------------------


@text_kind()
def binary(text: str, draw: random.Random) -> Broken:
    return b"\x7fELF\x02\x01\x01\x00" + draw.randbytes(200), ""


@text_kind()
def invalid_utf8(text: str, draw: random.Random) -> Broken:
    data = text.encode()
    place = draw.randrange(len(data))
    return data[:place] + b"\xff\xfe" + data[place:], "not UTF-8"


@text_kind()
def control_character(text: str, draw: random.Random) -> Broken:
    place = draw.randrange(len(text))
    return text[:place] + "\x00" + text[place:], "U+0000"


@text_kind(2)
def utf16(text: str, draw: random.Random) -> Broken:
    return text.encode("utf-16"), "not UTF-8"


@text_kind(1)
def empty(text: str, draw: random.Random) -> Broken:
    return "", "empty"


@text_kind(2)
def only_comments(text: str, draw: random.Random) -> Broken:
    return "# nothing\n" * draw.randrange(1, 9), "empty"


@text_kind(1)
def too_large(text: str, draw: random.Random) -> Broken:
    return text + "#" * (1 << 20), "bytes"


@text_kind(1)
def too_many_values(text: str, draw: random.Random) -> Broken:
    return text + "extra: [" + "1," * 60_000 + "1]\n", "values"


@text_kind()
def list_at_the_top(text: str, draw: random.Random) -> Broken:
    return "- a\n- b: 1\n" * draw.randrange(1, 5), "list"


@text_kind()
def single_value(text: str, draw: random.Random) -> Broken:
    return draw.choice(["hello", "42", "'quoted'", "a long line of text"]), "single value"


@text_kind()
def second_document(text: str, draw: random.Random) -> Broken:
    return text + "\n---\n" + draw.choice(["name: b\n", "- 1\n", "x\n", text]), "second document"


# YAML ---------------------------------------------------------------------------------------------


@text_kind()
def deep_lists(text: str, draw: random.Random) -> Broken:
    depth = draw.choice([40, 500, 20_000, 200_000])
    return text + "extra: " + "[" * depth, "nested"


@text_kind()
def deep_blocks(text: str, draw: random.Random) -> Broken:
    depth = draw.randrange(30, 200)
    lines = "".join(" " * level + f"k{level}:\n" for level in range(depth))
    return text + lines, "nested"


@text_kind()
def alias_bomb(text: str, draw: random.Random) -> Broken:
    levels = draw.randrange(8, 30)
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [
        f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * 9) + "]"
        for level in range(1, levels)
    ]
    return text + "\n".join(lines) + "\n", "anchor"


@text_kind()
def recursive_alias(text: str, draw: random.Random) -> Broken:
    return text + "extra: &loop {inside: *loop}\n", "alias *loop"


@text_kind()
def alias(text: str, draw: random.Random) -> Broken:
    return text.replace("duration:", "duration: &d", 1) + "warm_up: *d\n", "&d"


@text_kind()
def python_tag(text: str, draw: random.Random) -> Broken:
    tag = draw.choice(
        [
            "!!python/object/apply:os.system ['true']",
            "!!python/name:os.system",
            "!!python/object/new:subprocess.Popen [['true']]",
            "!!python/module:os",
        ]
    )
    return text + f"extra: {tag}\n", "tag"


@text_kind()
def own_tag(text: str, draw: random.Random) -> Broken:
    tag = draw.choice(["!secret", "!!str", "!!binary", "!<tag:example.org,2000:x>"])
    return text.replace("seed: ", "").replace("name: ", f"name: {tag} ", 1), "tag"


@text_kind()
def merge_key(text: str, draw: random.Random) -> Broken:
    return text + f"<<: {{seed: {draw.randrange(9)}}}\n", "merge keys"


@text_kind()
def duplicate_key(text: str, draw: random.Random) -> Broken:
    key = draw.choice(["duration", "name", "cluster", "expect"])
    return text + f"{key}: 1\n", f"duplicate key '{key}'"


@text_kind()
def block_as_key(text: str, draw: random.Random) -> Broken:
    return text + draw.choice(["? [a, b]\n: 1\n", "? {a: 1}\n: 1\n"]), "a key is a word"


@text_kind()
def open_bracket(text: str, draw: random.Random) -> Broken:
    return text + "extra: " + draw.choice(["[1, 2\n", "{a: 1\n", "[{a: [1}\n", "{a: 1]\n"]), "YAML"


@text_kind()
def open_quote(text: str, draw: random.Random) -> Broken:
    return text + "extra: " + draw.choice(["'", '"']) + "never closed\n", "not valid YAML"


@text_kind()
def tab(text: str, draw: random.Random) -> Broken:
    return text + "extra:\n\tnodes: 3\n", "not valid YAML"


@text_kind()
def bad_indentation(text: str, draw: random.Random) -> Broken:
    return text + "extra:\n    a: 1\n  b: 2\n", "not valid YAML"


@text_kind()
def reserved_character(text: str, draw: random.Random) -> Broken:
    return text + f"extra: {draw.choice('@`%')}x\n", "not valid YAML"


# Keys ---------------------------------------------------------------------------------------------


def client_of(tree: dict[str, Any]) -> dict[str, Any]:
    client = tree["clients"][0]
    assert isinstance(client, dict)
    return client


def pooling_of(tree: dict[str, Any]) -> dict[str, Any]:
    pooling = client_of(tree).setdefault("options", {}).setdefault("pooling", {})
    assert isinstance(pooling, dict)
    return pooling


@tree_kind
def unknown_top_key(tree: dict[str, Any], draw: random.Random) -> str:
    wrong, right = draw.choice([("durations", "duration"), ("client", "clients"), ("sed", "seed")])
    tree[wrong] = 1
    return f"unknown key (did you mean {right}?)"


@tree_kind
def unknown_option(tree: dict[str, Any], draw: random.Random) -> str:
    wrong, right = draw.choice([("maxx", "max"), ("cor", "core"), ("max_request", "max_requests")])
    pooling_of(tree)["local"] = {wrong: 4}
    return f"unknown key (did you mean {right}?)"


@tree_kind
def key_in_the_wrong_block(tree: dict[str, Any], draw: random.Random) -> str:
    key = draw.choice(["core", "new_connection_threshold"])
    pooling_of(tree)[key] = 2
    return "it belongs in pooling.local or pooling.remote"


@tree_kind
def option_of_the_other_driver(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree).setdefault("options", {})["connect_to_remote_hosts"] = True
    return "python driver's options"


@tree_kind
def missing_key(tree: dict[str, Any], draw: random.Random) -> str:
    del tree[draw.choice(["duration", "cluster", "clients"])]
    return "missing: this block needs it"


@tree_kind
def missing_key_below(tree: dict[str, Any], draw: random.Random) -> str:
    block, key = draw.choice(
        [
            (client_of(tree), "driver"),
            (client_of(tree), "load"),
            (tree["cluster"]["node"], "service"),
        ]
    )
    del block[key]
    return "missing: this block needs it"


@tree_kind
def no_value(tree: dict[str, Any], draw: random.Random) -> str:
    block, key = draw.choice(
        [(tree, "duration"), (tree["cluster"], "node"), (client_of(tree), "driver")]
    )
    block[key] = None
    return "no value"


@tree_kind
def value_for_a_block(tree: dict[str, Any], draw: random.Random) -> str:
    tree["cluster"] = draw.choice([3, "three nodes", [1, 2], True])
    return "a block of keys is needed"


@tree_kind
def block_for_a_list(tree: dict[str, Any], draw: random.Random) -> str:
    key = draw.choice(["faults", "changes", "clients"])
    tree[key] = {"at": "1s"}
    return "a list is needed"


@tree_kind
def block_for_a_value(tree: dict[str, Any], draw: random.Random) -> str:
    tree["duration"] = draw.choice([{"seconds": 30}, [30], {"a": {"b": 1}}])
    return "is not a duration"


# Quantities ---------------------------------------------------------------------------------------


@tree_kind
def duration_without_unit(tree: dict[str, Any], draw: random.Random) -> str:
    seconds = draw.choice([30, 300, 1.5, 90])
    tree["duration"] = seconds
    return f"write {seconds}s"


@tree_kind
def unknown_unit(tree: dict[str, Any], draw: random.Random) -> str:
    wrong, right = draw.choice(
        [("30 sec", "30s"), ("30 minutes", "30m"), ("200msec", "200ms"), ("30S", "30s")]
    )
    tree["duration"] = wrong
    return f"write {right}"


@tree_kind
def sexagesimal(tree: dict[str, Any], draw: random.Random) -> str:
    written, seconds = draw.choice([("1:30", 90), ("0:05:00", 300), ("12:00", 720)])
    tree["duration"] = written
    return f"is not a duration: write {seconds}s"


def _first_datacenter(tree: dict[str, Any]) -> dict[str, Any]:
    datacenters: dict[str, dict[str, Any]] = tree["cluster"]["datacenters"]
    return next(iter(datacenters.values()))


@tree_kind
def negative_duration(tree: dict[str, Any], draw: random.Random) -> str:
    _first_datacenter(tree)["network"] = {"delay": f"-{draw.randrange(1, 9)}ms"}
    return "is negative"


@tree_kind
def zero_duration(tree: dict[str, Any], draw: random.Random) -> str:
    tree["duration"] = draw.choice(["0s", 0, "0ms", "0.0h"])
    return "0s is too short"


@tree_kind
def below_a_nanosecond(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["cpu"] = {"issue": draw.choice(["0.5ns", "1e-10s", "0.0001us"])}
    return "finer than a nanosecond"


@tree_kind
def enormous_number(tree: dict[str, Any], draw: random.Random) -> str:
    tree["duration"] = draw.choice(["1e999s", "9e99h", "1" * 40 + "s", "200000d"])
    return ""


@tree_kind
def enormous_count(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["instances"] = draw.choice(["1e999", 10**30, 10**9, "900G"])
    return "too large"


@tree_kind
def rate_without_time(tree: dict[str, Any], draw: random.Random) -> str:
    written = draw.choice([100, "100", "20k", "20kps"])
    client_of(tree)["load"] = {"poisson": {"rate": written}}
    return "is not a rate: write"


@tree_kind
def duration_for_a_rate(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["load"] = {"uniform": {"rate": draw.choice(["30s", "5ms"])}}
    return "is not a rate"


@tree_kind
def broken_count(tree: dict[str, Any], draw: random.Random) -> str:
    written = draw.choice(["many", 1.5, "3 nodes", True])
    _first_datacenter(tree)["nodes"] = written
    return "is not a whole number"


@tree_kind
def negative_count(tree: dict[str, Any], draw: random.Random) -> str:
    pooling_of(tree)["local"] = {draw.choice(["core", "max", "max_requests"]): -1}
    return "the driver raises IllegalArgumentException"


@tree_kind
def share_beyond_one(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["idempotent"] = draw.choice(["120%", 1.5, -0.1, "-5%"])
    return "not within 0 and 100%"


@tree_kind
def word_for_a_flag(tree: dict[str, Any], draw: random.Random) -> str:
    written = draw.choice(["yes", "no", "on", "off"])
    client_of(tree).setdefault("options", {})["keyspace"] = written
    return "neither true nor false"


@tree_kind
def bad_name(tree: dict[str, Any], draw: random.Random) -> str:
    tree["name"] = draw.choice(["../../etc/passwd", "a b", "x" * 100, "-"])
    return "is not a name"


# What must fit together ---------------------------------------------------------------------------


@tree_kind
def core_above_max(tree: dict[str, Any], draw: random.Random) -> str:
    most = draw.randrange(1, 5)
    pooling_of(tree)[draw.choice(["local", "remote"])] = {"core": most + 1, "max": most}
    return f"must be less than max ({most + 1} > {most})"


@tree_kind
def core_above_the_default_max(tree: dict[str, Any], draw: random.Random) -> str:
    pooling_of(tree)["remote"] = {"core": 3}
    return "must be less than max (3 > 1)"


@tree_kind
def threshold_beyond_the_streams(tree: dict[str, Any], draw: random.Random) -> str:
    pooling_of(tree)["local"] = {"new_connection_threshold": 32_768 + draw.randrange(1, 999)}
    return "must be in the range (0, 32768)"


@tree_kind
def requests_beyond_the_streams_of_v2(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["protocol"] = draw.choice(["v1", "v2"])
    pooling_of(tree)["local"] = {"max_requests": draw.choice([129, 1024])}
    return "must be in the range (0, 128)"


@tree_kind
def reconnection_maximum_below_base(tree: dict[str, Any], draw: random.Random) -> str:
    exponential = {"base": "10s", "max": draw.choice(["1s", "9.9s"])}
    client_of(tree).setdefault("options", {})["reconnection"] = {"exponential": exponential}
    return "cannot be smaller than baseDelayMs (got 10000)"


@tree_kind
def two_reconnections(tree: dict[str, Any], draw: random.Random) -> str:
    both = {"exponential": {"base": "1s"}, "constant": {"delay": "2s"}}
    client_of(tree).setdefault("options", {})["reconnection"] = both
    return "at once: keep one"


@tree_kind
def python_sizes_on_v3(tree: dict[str, Any], draw: random.Random) -> str:
    key, setter = draw.choice(
        [
            ("core", "set_core_connections_per_host"),
            ("max", "set_max_connections_per_host"),
            ("min_requests", "set_min_requests_per_connection"),
            ("max_requests", "set_max_requests_per_connection"),
        ]
    )
    client = client_of(tree)
    client["driver"] = "python"
    client.pop("cpu", None)
    client["protocol"] = draw.choice(["v3", "v4", "v5"])
    client["options"] = {"pooling": {"local": {key: 8}}}
    return f"UnsupportedOperation: Cluster.{setter}()"


@tree_kind
def python_requests_out_of_range(tree: dict[str, Any], draw: random.Random) -> str:
    client = client_of(tree)
    client["driver"] = "python"
    client.pop("cpu", None)
    client["protocol"] = "v2"
    least, most = draw.choice([(50, 50), (127, 128), (5, 128), (60, 20)])
    client["options"] = {"pooling": {"local": {"min_requests": least, "max_requests": most}}}
    return "the driver raises ValueError"


def generic_options(tree: dict[str, Any], options: dict[str, Any]) -> None:
    """The client is of the generic driver and has these options."""
    client = client_of(tree)
    client.pop("cpu", None)
    client |= {"driver": "generic", "protocol": "v4", "options": options}


@tree_kind
def generic_watermarks_the_wrong_way_round(tree: dict[str, Any], draw: random.Random) -> str:
    high = draw.randrange(10, 50)
    generic_options(tree, {"backpressure": {"high_watermark": f"{high}%"}})
    return "low_watermark is above high_watermark"


@tree_kind
def generic_core_above_max(tree: dict[str, Any], draw: random.Random) -> str:
    core = draw.randrange(9, 20)
    generic_options(tree, {"pooling": {"local": {"core": core}}})
    return f"core {core} is above max 8"


@tree_kind
def generic_unknown_name(tree: dict[str, Any], draw: random.Random) -> str:
    options = [
        {"backpressure": {"policy": "drop"}},
        {"backpressure": {"responses": "block"}},
        {"streams": {"allocation": "bitmap"}},
        {"pooling": {"selection": "least_busy"}},
        {"threading": {"model": "actor"}},
    ]
    generic_options(tree, draw.choice(options))
    return "is none of"


@tree_kind
def generic_bandwidth(tree: dict[str, Any], draw: random.Random) -> str:
    generic_options(tree, {"network": {"bandwidth": draw.choice(["1Gb", "10G", "100MB", 8])}})
    return "write 1Gbit/s or unlimited"


@tree_kind
def unknown_driver(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["driver"] = draw.choice(["java", "jav3", "Java3", "java33"])
    return "did you mean java3?"


@tree_kind
def bad_protocol(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["protocol"] = draw.choice([4, "4", "v9", "latest"])
    return "is not a protocol version"


@tree_kind
def python_io_threads(tree: dict[str, Any], draw: random.Random) -> str:
    client = client_of(tree)
    client |= {"driver": "python", "options": {}, "cpu": {"io_threads": 4}}
    return "1 I/O thread per process"


@tree_kind
def too_many_replicas(tree: dict[str, Any], draw: random.Random) -> str:
    nodes = _first_datacenter(tree)["nodes"]
    _first_datacenter(tree)["replication_factor"] = nodes + draw.randrange(1, 9)
    return f"is more than the {nodes} nodes"


@tree_kind
def too_many_nodes(tree: dict[str, Any], draw: random.Random) -> str:
    datacenters = tree["cluster"]["datacenters"]
    datacenters |= {f"more{index}": {"nodes": 400} for index in range(3)}
    return "at most 1,000"


@tree_kind
def home_that_does_not_exist(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["datacenter"] = draw.choice(["dc7", "us-east"])
    return "there is no datacenter"


@tree_kind
def second_client_of_that_name(tree: dict[str, Any], draw: random.Random) -> str:
    tree["clients"].append(copy.deepcopy(client_of(tree)))
    return f"a second client '{client_of(tree)['name']}'"


@tree_kind
def no_clients(tree: dict[str, Any], draw: random.Random) -> str:
    tree["clients"] = []
    return "at least one is needed"


# Laws and loads -----------------------------------------------------------------------------------


@tree_kind
def two_laws(tree: dict[str, Any], draw: random.Random) -> str:
    tree["cluster"]["node"]["service"] = {"constant": "1ms", "exponential": {"mean": "1ms"}}
    return "at once: keep one"


@tree_kind
def no_law(tree: dict[str, Any], draw: random.Random) -> str:
    tree["cluster"]["node"]["service"] = {}
    return "no law"


@tree_kind
def p99_not_above_median(tree: dict[str, Any], draw: random.Random) -> str:
    lognormal = {"median": "5ms", "p99": draw.choice(["5ms", "1ms", "4.999ms"])}
    tree["cluster"]["node"]["service"] = {"lognormal": lognormal}
    return "p99 is not above the median (5ms)"


@tree_kind
def falling_percentiles(tree: dict[str, Any], draw: random.Random) -> str:
    points = {"p50": "5ms", "p90": "9ms", "p99": draw.choice(["8ms", "1ms"])}
    tree["cluster"]["node"]["service"] = {"percentiles": points}
    return "percentiles must rise"


@tree_kind
def bad_percentile(tree: dict[str, Any], draw: random.Random) -> str:
    points = {"p50": "5ms", draw.choice(["99", "p101", "max", "p9x"]): "9ms"}
    tree["cluster"]["node"]["service"] = {"percentiles": points}
    return "not a percentile"


@tree_kind
def missing_samples(tree: dict[str, Any], draw: random.Random) -> str:
    file = draw.choice(["no/such/file.csv", "missing.parquet", "/dev/null", "."])
    tree["cluster"]["node"]["service"] = {"empirical": {"file": file}}
    return "file"


@tree_kind
def missing_trace(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["load"] = {"trace": {"file": f"trace-{draw.randrange(99)}.csv"}}
    return "there is no file"


@tree_kind
def two_loads(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["load"] = {"closed": {"window": 4}, "uniform": {"rate": "4/s"}}
    return "at once: keep one"


@tree_kind
def no_load(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["load"] = draw.choice([{}, {"phases": []}])
    return "no load"


@tree_kind
def no_error_pause(tree: dict[str, Any], draw: random.Random) -> str:
    client_of(tree)["load"] = {"closed": {"window": 4, "error_pause": draw.choice(["0s", 0])}}
    return "0s is too short"


def loaded(tree: dict[str, Any], phases: list[dict[str, Any]]) -> None:
    client_of(tree)["load"] = {"poisson": {"rate": "10/s"}, "phases": phases}
    tree["duration"] = "60s"


@tree_kind
def phase_of_another_load(tree: dict[str, Any], draw: random.Random) -> str:
    loaded(tree, [{"at": "1s", draw.choice(["window", "users"]): 4}])
    return "a load of kind poisson has no"


@tree_kind
def phase_without_level(tree: dict[str, Any], draw: random.Random) -> str:
    loaded(tree, [{"at": "1s", "for": "2s"}])
    return "no change of the load"


@tree_kind
def overlapping_phases(tree: dict[str, Any], draw: random.Random) -> str:
    later = {"at": draw.choice(["2s", "10.9s"]), "rate": "x3"}
    loaded(tree, [{"at": "1s", "for": "10s", "rate": "x2"}, later])
    return "begins before phase1 has ended (at 11s)"


@tree_kind
def ramp_without_length(tree: dict[str, Any], draw: random.Random) -> str:
    loaded(tree, [{"at": "1s", "ramp_to": "20/s"}])
    return "a ramp needs `for`"


@tree_kind
def phase_after_the_end(tree: dict[str, Any], draw: random.Random) -> str:
    loaded(tree, [{"at": draw.choice(["60s", "2m", "100%"]), "rate": "x2"}])
    return "the run ends at 60s"


@tree_kind
def warm_up_after_the_end(tree: dict[str, Any], draw: random.Random) -> str:
    tree["duration"] = "60s"
    tree["warm_up"] = draw.choice(["60s", "1h", "100%"])
    return "the warm-up lasts"


# Faults, changes, expectations --------------------------------------------------------------------


@tree_kind
def node_that_does_not_exist(tree: dict[str, Any], draw: random.Random) -> str:
    node = draw.choice(["dc1/7", "dc1/99", "dc1/1000"])
    tree["faults"] = [{"at": "1s", "for": "1s", "node": node, "kind": "stop"}]
    return f"there is no node {node} (did you mean dc1/"


@tree_kind
def node_of_no_datacenter(tree: dict[str, Any], draw: random.Random) -> str:
    tree["faults"] = [{"at": "1s", "node": draw.choice(["dc8/1", "x/1"]), "kind": "stop"}]
    return "there is no datacenter"


@tree_kind
def fault_after_the_end(tree: dict[str, Any], draw: random.Random) -> str:
    tree["faults"] = [{"at": draw.choice(["9h", "100%"]), "node": "dc1/1", "kind": "pause"}]
    return "the fault begins at"


@tree_kind
def overlapping_faults(tree: dict[str, Any], draw: random.Random) -> str:
    first = {"at": "1s", "node": "dc1/1", "kind": "pause"}
    if draw.random() < 0.5:
        first["for"] = "3s"
    tree["faults"] = [first, {"at": "2s", "for": "1s", "node": "dc1/1", "kind": "stop"}]
    return "has a fault already: faults[0]"


@tree_kind
def unknown_fault(tree: dict[str, Any], draw: random.Random) -> str:
    tree["faults"] = [{"at": "1s", "node": "dc1/1", "kind": draw.choice(["crash", "stopp"])}]
    return "is none of stop, pause, slow"


@tree_kind
def slow_without_factor(tree: dict[str, Any], draw: random.Random) -> str:
    tree["faults"] = [{"at": "1s", "node": "dc1/1", "kind": "slow"}]
    return "slow needs a factor"


@tree_kind
def middlebox_without_time(tree: dict[str, Any], draw: random.Random) -> str:
    tree["faults"] = [{"at": "1s", "node": draw.choice(["dc1/1", "dc1/*"]), "kind": "middlebox"}]
    return "middlebox needs an idle_timeout"


@tree_kind
def key_of_another_fault(tree: dict[str, Any], draw: random.Random) -> str:
    key, value, owner = draw.choice(
        [
            ("factor", "x2", "slow"),
            ("idle_timeout", "5m", "middlebox"),
            ("drain_timeout", "30s", "remove"),
        ]
    )
    kind = draw.choice(["silent", "refuse", "write_failure", "protocol_error", "add"])
    tree["faults"] = [{"at": "1s", "node": "dc1/1", "kind": kind, key: value}]
    return f"{kind} has no {key} (only {owner} has)"


@tree_kind
def member_with_an_end(tree: dict[str, Any], draw: random.Random) -> str:
    kind = draw.choice(["add", "remove"])
    tree["faults"] = [{"at": "1s", "for": "2s", "node": "dc1/1", "kind": kind}]
    return f"{kind} has no end: a fault of its own"


@tree_kind
def two_middleboxes_at_once(tree: dict[str, Any], draw: random.Random) -> str:
    box = {"node": "dc1/1", "kind": "middlebox", "idle_timeout": "5m"}
    tree["faults"] = [box | {"at": "1s"}, box | {"at": draw.choice(["1s", "2s"])}]
    return "has a fault already: faults[0]"


@tree_kind
def fault_of_a_node_that_is_not_there(tree: dict[str, Any], draw: random.Random) -> str:
    kind = draw.choice(["stop", "silent", "refuse", "remove"])
    if draw.random() < 0.5:
        tree["faults"] = [{"at": "1s", "node": "dc1/1", "kind": "remove"}]
        late = "2s"
    else:
        tree["faults"] = [{"at": "3s", "node": "dc1/1", "kind": "add"}]
        late = "2s" if kind != "remove" else "1s"
        kind = "stop" if kind == "remove" else kind
    tree["faults"].append({"at": late, "node": "dc1/1", "kind": kind})
    return "dc1/1 is not in the ring then"


@tree_kind
def node_that_joins_before_it_has_left(tree: dict[str, Any], draw: random.Random) -> str:
    leaves = {"at": "1s", "node": "dc1/1", "kind": "remove", "drain_timeout": "5s"}
    tree["faults"] = [leaves, {"at": draw.choice(["2s", "6s"]), "node": "dc1/1", "kind": "add"}]
    return "dc1/1 still drains then"


def changed(tree: dict[str, Any], values: dict[str, Any], **more: Any) -> None:
    tree["changes"] = [{"at": "1s", "client": client_of(tree)["name"], "set": values} | more]


@tree_kind
def change_of_no_client(tree: dict[str, Any], draw: random.Random) -> str:
    changed(tree, {"pooling.local.max": 9}, client=draw.choice(["nobody", "apj"]))
    return "there is no client"


@tree_kind
def change_of_an_unknown_option(tree: dict[str, Any], draw: random.Random) -> str:
    changed(tree, {draw.choice(["pooling.local.maxi", "pooling.max", "local.max"]): 9})
    return "unknown option of java3"


@tree_kind
def change_of_a_fixed_option(tree: dict[str, Any], draw: random.Random) -> str:
    path = draw.choice(["read_timeout", "retry", "reconnection.exponential.max", "keyspace"])
    changed(tree, {path: "3s"})
    return "cannot change at runtime"


@tree_kind
def change_after_the_end(tree: dict[str, Any], draw: random.Random) -> str:
    changed(tree, {"pooling.local.max": 9}, at=draw.choice(["9h", "100%"]))
    return "the change begins at"


@tree_kind
def change_that_the_driver_refuses(tree: dict[str, Any], draw: random.Random) -> str:
    changed(tree, {"pooling.local.core": 1_000 + draw.randrange(9)})
    return "Core connections for LOCAL hosts must be less than max"


@tree_kind
def change_of_nothing(tree: dict[str, Any], draw: random.Random) -> str:
    changed(tree, {})
    return "nothing is set"


@tree_kind
def unknown_metric(tree: dict[str, Any], draw: random.Random) -> str:
    wrong, right = draw.choice(
        [("rejectd", "rejected"), ("latencies", "latency"), ("wate", "wait")]
    )
    tree["expect"] = [f"{wrong} == 0"]
    return f"unknown metric '{wrong}' (did you mean {right}?)"


@tree_kind
def unknown_statistic(tree: dict[str, Any], draw: random.Random) -> str:
    tree["expect"] = [f"latency.{draw.choice(['p98', 'p9', 'avg', 'p99.99'])} < 5ms"]
    return "latency has no statistic"


@tree_kind
def statistic_of_a_count(tree: dict[str, Any], draw: random.Random) -> str:
    tree["expect"] = [f"{draw.choice(['rejected', 'errors', 'recover'])}.p99 < 5"]
    return "has no statistic"


@tree_kind
def expectation_of_no_phase(tree: dict[str, Any], draw: random.Random) -> str:
    tree["expect"] = [f"rejected@{draw.choice(['nowhere', 'warmup'])} == 0"]
    return "there is no phase"


@tree_kind
def expectation_of_no_client(tree: dict[str, Any], draw: random.Random) -> str:
    tree["expect"] = [f"{draw.choice(['nobody', 'x'])}/rejected == 0"]
    return "there is no client"


@tree_kind
def expectation_without_unit(tree: dict[str, Any], draw: random.Random) -> str:
    number = draw.choice([20, 1.5, 300])
    tree["expect"] = [f"latency.p99 < {number}"]
    return f"write {number}ms"


@tree_kind
def expectation_with_the_wrong_unit(tree: dict[str, Any], draw: random.Random) -> str:
    tree["expect"] = [draw.choice(["throughput > 20ms", "errors < 5%", "error_rate < 3s"])]
    return "is compared with a value such as"


@tree_kind
def no_expectation(tree: dict[str, Any], draw: random.Random) -> str:
    tree["expect"] = [draw.choice(["latency.p99", "fast", "< 20ms", "20ms"])]
    return "is not an expectation"


@tree_kind
def unknown_comparison(tree: dict[str, Any], draw: random.Random) -> str:
    wrong, right = draw.choice([("=", "=="), ("=<", "<="), ("=>", ">=")])
    tree["expect"] = [f"rejected {wrong} 0"]
    return f"did you mean {right}?"


@tree_kind
def recovery_without_fault(tree: dict[str, Any], draw: random.Random) -> str:
    tree["faults"] = []
    metric = draw.choice(["recover", "detect", "fail_over"])
    tree["expect"] = [f"{metric} < 5s"]
    return f"{metric} needs a fault"


@tree_kind
def stopping_by_no_metric(tree: dict[str, Any], draw: random.Random) -> str:
    until = {"metric": draw.choice(["latenzy.p99", "speed"]), "half_width": "5%"}
    tree["replications"] = {"until": until}
    return "unknown metric"


@tree_kind
def several_mistakes(tree: dict[str, Any], draw: random.Random) -> str:
    tree["duration"] = 30
    tree["sed"] = 4
    client_of(tree)["driver"] = "jav3"
    tree["expect"] = ["rejectd == 0", "latency.p99 < 20"]
    return draw.choice(
        ["write 30s", "did you mean seed?", "did you mean java3?", "did you mean rejected?"]
    )
