"""A Scenario written back as a file, with every default filled in.

Loading the text gives an equal Scenario (apart from `path`, which is no part of what it means).
Values that came from a file stay there, by absolute path and with the hash that it must have;
values that a program put in are written out.
"""

from __future__ import annotations

from typing import Any

from poolsim.scenario.document import plain_value
from poolsim.scenario.drivers import DRIVERS, driver_of
from poolsim.scenario.fields import PROTOCOLS, SHARE
from poolsim.scenario.scenario import (
    RELEASE_VERSION,
    Client,
    Datacenter,
    Fault,
    Law,
    Load,
    Node,
    Phase,
    Plan,
    Replications,
    Scenario,
)
from poolsim.scenario.units import format_duration, format_number, format_rate, format_share


def to_yaml(scenario: Scenario) -> str:
    """The whole scenario as YAML in the scenario format."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Small blocks in one line, everything spelled out."""

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def block(dumper: yaml.SafeDumper, data: _Inline) -> yaml.MappingNode:
        return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)

    def word(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        # PyYAML quotes what YAML 1.1 would not read as text; here it is YAML 1.2 that reads.
        style = None if isinstance(plain_value(data), str) else "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(_Inline, block)
    Dumper.add_representer(str, word)
    text: str = yaml.dump(
        to_tree(scenario),
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
        default_flow_style=False,
    )
    return text


class _Inline(dict[str, Any]):
    """A mapping that is written in one line."""


def to_tree(scenario: Scenario) -> dict[str, Any]:
    """The scenario as the plain data of its file."""
    warm_up = scenario.warm_up_ns
    return {
        "name": scenario.name,
        "question": scenario.question,
        "seed": scenario.seed,
        "duration": format_duration(scenario.duration_ns),
        "warm_up": "auto" if warm_up is None else format_duration(warm_up),
        "replications": _replications(scenario.replications),
        "cluster": {
            "datacenters": {
                datacenter.name: _datacenter(datacenter) for datacenter in scenario.datacenters
            },
            "node": {
                "workers": scenario.node.workers,
                "service": _law(scenario.node.service),
                **_unless(scenario.node.accepts_per_second, "accepts", format_rate),
                **_release_version(scenario.node),
            },
        },
        "clients": [_client(client) for client in scenario.clients],
        "faults": [_fault(fault) for fault in scenario.faults],
        "changes": _changes(scenario),
        "expect": [expectation.text for expectation in scenario.expectations],
        **_plan(scenario.plan),
    }


def _release_version(node: Node) -> dict[str, Any]:
    """Only where it is not the default: it changes no result, and so no hash of what one is of."""
    version = node.release_version
    return {} if version == RELEASE_VERSION else {"release_version": version}


def _plan(plan: Plan) -> dict[str, Any]:
    """What is said to `recommend`, where something is."""
    return {
        **_unless(plan.cost, "cost"),
        **_unless(plan.peak, "peak"),
        **_unless(plan.search, "search", dict),
        **_unless(plan.headroom, "headroom", format_share),
        **({"node_loss": plan.node_loss} if plan.node_loss is not None else {}),
    }


def _unless(value: Any, key: str, write: Any = lambda value: value) -> dict[str, Any]:
    """The key with its value, or nothing where the value is 0 (none)."""
    return {key: write(value)} if value else {}


def _replications(replications: Replications) -> Any:
    if not replications.metric:
        return replications.count
    return _Inline(
        until=_Inline(metric=replications.metric, half_width=format_share(replications.half_width)),
        min=replications.count,
        max=replications.maximum,
    )


def _datacenter(datacenter: Datacenter) -> dict[str, Any]:
    delays = {name: format_duration(delay) for name, delay in datacenter.delays_from_ns}
    network = {"delay": format_duration(datacenter.delay_ns)}
    return _Inline(
        nodes=datacenter.nodes,
        replication_factor=datacenter.replication_factor,
        racks=datacenter.racks,
        network=_Inline(network, **({"from": _Inline(delays)} if delays else {})),
    )


def _law(law: Law) -> dict[str, Any]:
    match law.kind:
        case "constant" | "exponential":
            parameters: dict[str, Any] = {"mean": format_duration(law.mean_ns)}
        case "lognormal":
            parameters = {
                "median": format_duration(law.median_ns),
                "p99": format_duration(law.p99_ns),
            }
        case "gamma":
            parameters = {
                "mean": format_duration(law.mean_ns),
                "shape": law.shape,
            }
        case "percentiles":
            parameters = {
                f"p{format_share(share)[:-1]}": format_duration(duration)
                for share, duration in law.points
            }
        case "empirical" if law.source is not None:
            parameters = {"file": law.source.file, "sha256": law.source.sha256}
        case "empirical":
            parameters = {"samples": [format_duration(sample) for sample in law.samples_ns]}
        case _:
            raise ValueError(f"no such law: {law.kind}")
    return _Inline({law.kind: _Inline(parameters)})


def _client(client: Client) -> dict[str, Any]:
    return {
        "name": client.name,
        "instances": client.instances,
        "datacenter": client.datacenter,
        "driver": client.driver_name,
        "protocol": PROTOCOLS[client.protocol - 1],
        "idempotent": SHARE.write(client.idempotent),
        "options": _options(client),
        "cpu": _Inline(
            issue=format_duration(client.issue_ns),
            per_request=format_duration(client.per_request_ns),
            crosstalk=format_duration(client.crosstalk_ns),
            io_threads=client.io_threads,
        ),
        "load": _load(client.load),
        **_unless(
            not client.options.wrapper.rate_limited and client.max_concurrent,
            "limit",
            lambda most: _Inline(max_concurrent=most),
        ),
        "kernel": _Inline(
            tcp_keepalive_time=format_duration(client.kernel.keepalive_time_ns),
            tcp_keepalive_intvl=format_duration(client.kernel.keepalive_interval_ns),
            tcp_keepalive_probes=client.kernel.keepalive_probes,
            tcp_retries2=client.kernel.retries,
        ),
    }


def _options(client: Client) -> dict[str, Any]:
    """Every option that the driver has, under its own name."""
    driver = driver_of(client)
    kind = client.options.reconnection.kind
    tree: dict[str, Any] = {}
    for option in driver.options:
        is_other_kind = option.path.startswith("reconnection.") and not option.path.startswith(
            f"reconnection.{kind}."
        )
        if is_other_kind or driver.unavailable(client.protocol, option.path):
            continue
        *blocks, key = option.path.split(".")
        block = tree
        for depth, name in enumerate(blocks):
            is_last = depth == len(blocks) - 1
            block = block.setdefault(name, _Inline() if is_last and depth else {})
        block[key] = option.written.write(option.value(client.options))
    return tree


def _load(load: Load) -> dict[str, Any]:
    pause = {"error_pause": format_duration(load.error_pause_ns)}
    match load.kind:
        case "poisson" | "uniform":
            parameters: dict[str, Any] = {"rate": format_rate(load.rate)}
        case "bursts":
            parameters = {
                "size": load.size,
                **_unless(load.every_ns, "every", format_duration),
                "first": format_duration(load.first_ns),
            }
        case "closed":
            parameters = {"window": load.window, **pause}
        case "users":
            assert load.think is not None, "users think"
            parameters = {"count": load.count, "think": _law(load.think), **pause}
        case "trace" if load.source is not None:
            parameters = {"file": load.source.file, "sha256": load.source.sha256}
        case "trace":
            parameters = {
                "times": [format_duration(time) for time in load.times_ns],
                **_unless(load.services_ns, "services", lambda all: [*map(format_duration, all)]),
                **_unless(load.keys, "keys", list),
            }
        case _:
            raise ValueError(f"no such load: {load.kind}")
    return {
        load.kind: _Inline(parameters),
        **_unless(load.phases, "phases", lambda phases: [*map(_phase, phases)]),
    }


def _phase(phase: Phase) -> dict[str, Any]:
    is_rate = phase.kind in ("rate", "ramp")
    key = "ramp_to" if phase.kind == "ramp" else phase.kind
    return _Inline(
        {
            "name": phase.name,
            "at": format_duration(phase.at_ns),
            **_unless(phase.for_ns, "for", format_duration),
            key: format_rate(phase.value) if is_rate else int(phase.value),
        }
    )


def _fault(fault: Fault) -> dict[str, Any]:
    own: dict[str, Any] = {}
    match fault.kind:
        case "slow":
            own["factor"] = f"x{format_number(fault.factor)}"
        case "middlebox":
            own["idle_timeout"] = format_duration(fault.idle_timeout_ns)
        case "remove":
            own["drain_timeout"] = format_duration(fault.drain_timeout_ns)
    return _Inline(
        {
            "at": format_duration(fault.at_ns),
            **_unless(fault.for_ns, "for", format_duration),
            "node": fault.node_name,
            "kind": fault.kind,
            **own,
        }
    )


def _changes(scenario: Scenario) -> list[dict[str, Any]]:
    """What changes at one instant together: the driver refuses states, not single values."""
    clients = {client.name: client for client in scenario.clients}
    written: list[dict[str, Any]] = []
    for change in scenario.changes:
        option = DRIVERS[clients[change.client].driver].option(change.path)
        assert option is not None, "a change sets an option that exists"
        head = {"at": format_duration(change.at_ns), "client": change.client}
        last = written[-1] if written else {}
        if {**last, **head} != last or change.path in last["set"]:
            written.append(_Inline(head, set=_Inline()))
        written[-1]["set"][change.path] = option.written.write(change.value)
    return written
