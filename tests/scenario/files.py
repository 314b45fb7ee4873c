"""Random scenario files that are right, as the trees that they hold."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from poolsim.scenario.entries import FAULT_KINDS
from poolsim.scenario.units import format_duration

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND


def durations(least: int = 1, most: int = 100 * SECOND) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(format_duration)


rates = st.one_of(
    st.integers(1, 10**6).map(lambda rate: f"{rate}/s"),
    st.floats(0.1, 1e4).map(lambda rate: f"{rate:.6f}/s"),
    st.integers(1, 90).map(lambda rate: f"{rate}k/s"),
)


@st.composite
def laws(draw: st.DrawFn) -> dict[str, Any]:
    median = draw(st.integers(1, 10**9))
    points = sorted(draw(st.lists(st.integers(0, 10**10), min_size=3, max_size=3)))
    return draw(
        st.one_of(
            st.builds(lambda mean: {"constant": mean}, durations()),
            st.builds(lambda mean: {"constant": {"mean": mean}}, durations(0)),
            st.builds(lambda mean: {"exponential": {"mean": mean}}, durations()),
            st.just(
                {
                    "lognormal": {
                        "median": format_duration(median),
                        "p99": format_duration(median + draw(st.integers(1, 10**9))),
                    }
                }
            ),
            st.builds(
                lambda mean, shape: {"gamma": {"mean": mean, "shape": shape}},
                durations(),
                st.floats(1e-3, 1e3),
            ),
            st.just(
                {
                    "percentiles": {
                        name: format_duration(point)
                        for name, point in zip(("p0", "p50", "p99.9"), points, strict=True)
                    }
                }
            ),
            st.builds(
                lambda samples: {"empirical": {"samples": samples}},
                st.lists(durations(0), min_size=1, max_size=4),
            ),
        )
    )


@st.composite
def phases(draw: st.DrawFn, keys: list[str], levels: st.SearchStrategy[Any]) -> list[Any]:
    found = []
    at = 0
    for number in range(draw(st.integers(0, 3))):
        at += draw(st.integers(1, 5 * SECOND))
        key = draw(st.sampled_from(keys))
        phase: dict[str, Any] = {"at": format_duration(at), key: draw(levels)}
        if key == "ramp_to" or draw(st.booleans()):
            length = draw(st.integers(1, 5 * SECOND))
            phase["for"] = format_duration(length)
            at += length
        if draw(st.booleans()):
            phase["name"] = draw(st.sampled_from(["spike", "1e3", "null", "0x1F"])) + f"-{number}"
        found.append(phase)
    return found


@st.composite
def loads(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["poisson", "uniform", "bursts", "closed", "users", "trace"]))
    if kind in ("poisson", "uniform"):
        load: dict[str, Any] = {kind: {"rate": draw(rates)}}
        levels = st.one_of(rates, st.floats(0, 9).map(lambda factor: f"x{factor:.3f}"))
        load["phases"] = draw(phases(["rate", "ramp_to"], levels))
    elif kind == "bursts":
        load = {kind: {"size": draw(st.integers(1, 10**6)), "every": draw(durations(most=SECOND))}}
    elif kind == "closed":
        load = {kind: {"window": draw(st.integers(1, 10**6)), "error_pause": draw(durations())}}
        load["phases"] = draw(phases(["window"], st.integers(0, 10**6)))
    elif kind == "users":
        load = {kind: {"count": draw(st.integers(1, 10**6)), "think": draw(laws())}}
        load["phases"] = draw(phases(["users"], st.integers(0, 10**6)))
    else:
        times = draw(st.lists(durations(0), min_size=1, max_size=4))
        load = {kind: {"times": times}}
        if draw(st.booleans()):
            load[kind]["services"] = draw(
                st.lists(durations(0), min_size=len(times), max_size=len(times))
            )
        if draw(st.booleans()):
            load[kind]["keys"] = list(range(len(times)))
    return load


@st.composite
def java3_options(draw: st.DrawFn, protocol: str) -> dict[str, Any]:
    streams = 128 if protocol in ("v1", "v2") else 32_768
    options: dict[str, Any] = {"pooling": {}}
    for distance in ("local", "remote"):
        if draw(st.booleans()):
            core = draw(st.integers(0, 5))
            options["pooling"][distance] = {
                "core": core,
                "max": core + draw(st.integers(0, 8)),
                "max_requests": draw(st.integers(0, streams)),
                "new_connection_threshold": draw(st.integers(0, streams)),
            }
    for key in ("idle_timeout", "pool_timeout", "heartbeat_interval"):
        if draw(st.booleans()):
            options["pooling"][key] = draw(durations(0))
    if draw(st.booleans()):
        base = draw(st.integers(1, 10 * SECOND))
        longest = base + draw(st.integers(0, 600 * SECOND))
        options["reconnection"] = {
            "exponential": {"base": format_duration(base), "max": format_duration(longest)}
        }
    elif draw(st.booleans()):
        options["reconnection"] = {"constant": {"delay": draw(durations())}}
    options |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "read_timeout": durations(0),
                "connect_timeout": durations(),
                "retry": st.sampled_from(["default", "fallthrough"]),
                "keyspace": st.booleans(),
                "load_balancing": st.fixed_dictionaries(
                    {"policy": st.sampled_from(["round_robin", "random", "least_in_flight"])},
                    optional={"used_hosts_per_remote_dc": st.integers(0, 3)},
                ),
            },
        )
    )
    return options


python_options = st.fixed_dictionaries(
    {},
    optional={
        "request_timeout": durations(0),
        "heartbeat_interval": durations(0),
        "connect_to_remote_hosts": st.booleans(),
        "reconnection": st.fixed_dictionaries(
            {"constant": st.fixed_dictionaries({"delay": durations(), "max_attempts": st.just(3)})}
        ),
    },
)


@st.composite
def clients(draw: st.DrawFn, number: int, datacenters: list[str]) -> dict[str, Any]:
    driver = draw(st.sampled_from(["java3", "python"]))
    protocol = draw(st.sampled_from(["v1", "v2", "v3", "v4", "v5", "v6"]))
    client: dict[str, Any] = {
        "name": f"client-{number}",
        "driver": driver,
        "protocol": protocol,
        "datacenter": draw(st.sampled_from(datacenters)),
        "instances": draw(st.integers(1, 50)),
        "idempotent": draw(st.one_of(st.booleans(), st.floats(0, 1))),
        "load": draw(loads()),
        "options": draw(java3_options(protocol) if driver == "java3" else python_options),
    }
    if draw(st.booleans()):
        client["limit"] = {"max_concurrent": draw(st.integers(1, 10**6))}
    if draw(st.booleans()):
        client["cpu"] = {"issue": draw(durations(0)), "per_request": draw(durations(0))}
    return client


@st.composite
def scenario_files(draw: st.DrawFn) -> dict[str, Any]:
    """A whole file of at most 100 s."""
    names = ["dc1", "us-east_2", "0x1F"][: draw(st.integers(1, 3))]
    datacenters = {
        name: {
            "nodes": draw(st.integers(1, 9)),
            "network": {"delay": draw(durations(0)), "from": {names[0]: draw(durations(0))}},
        }
        for name in names
    }
    tree: dict[str, Any] = {
        "name": draw(st.sampled_from(["a", "1e3", "null", "true", "0o17", "x.y-z_1"])),
        "question": draw(st.sampled_from(["", "Does it hold?", "yes", "1: 2 # 3", "ü µ"])),
        "seed": draw(st.integers(0, 2**62)),
        "duration": "100s",
        "cluster": {
            "datacenters": datacenters,
            "node": {"workers": draw(st.integers(1, 99)), "service": draw(laws())},
        },
        "clients": [draw(clients(number, names)) for number in range(draw(st.integers(1, 3)))],
        "warm_up": draw(st.sampled_from(["auto", "0s", "10%", "3.3s"])),
        "replications": draw(
            st.one_of(
                st.integers(1, 99),
                st.just({"until": {"metric": "latency.p99", "half_width": "5%"}, "max": 12}),
            )
        ),
        "expect": ["rejected == 0", "client-0/latency.p99.9 < 1.5ms", "throughput >= 2k/s"],
    }
    if draw(st.booleans()):
        tree["cluster"]["node"]["accepts"] = draw(rates)
    if draw(st.booleans()):
        kind = draw(st.sampled_from(FAULT_KINDS))
        fault = {"at": draw(st.sampled_from(["50%", "3s"])), "node": f"{names[-1]}/1", "kind": kind}
        own = {
            "slow": {"factor": "x2.5"},
            "middlebox": {"idle_timeout": "5m", "node": f"{names[-1]}/*"},
            "remove": {"drain_timeout": "30s"},
        }
        tree["faults"] = [fault | own.get(kind, {})]
    return tree
