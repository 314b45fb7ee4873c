"""The block `record`: that a real driver and the harness can do what the scenario asks."""

from __future__ import annotations

from poolsim.scenario.context import Context
from poolsim.scenario.entries import COMPARISONS, ClientEntry, FileEntry, RecordEntry
from poolsim.scenario.scenario import Client, Fault, Recording

RECORDED_DRIVERS = ("java3", "python", "nodejs")
RECORDED_LOADS = ("poisson", "uniform", "bursts", "closed", "trace")
RECORDED_FAULTS = ("stop", "pause")
LIMITED_DRIVERS = ("python",)
"""Whose recorder has a session with a limit (harness/python/async_cassandra.py)."""
KEEPALIVE_DRIVERS = ("nodejs",)
"""That ask the kernel for it by themselves."""
MOST_RECORDED_NODES = 3
RECORDED_PROTOCOL = 4
"""Request numbers travel in custom payloads, which came with v4; the harness reads no later one."""
SHORTEST_SAMPLING_NS = 1_000_000
_MILLISECOND_NS = 1_000_000
_SECOND_NS = 1_000_000_000


def resolve_record(
    file: FileEntry, clients: list[Client], faults: tuple[Fault, ...], context: Context
) -> Recording | None:
    """What the block asks for, None without one; notes what cannot be recorded."""
    entry = file.record
    if entry is None:
        return None
    _check_cluster(file, context)
    _check_clients(file, clients, context)
    _check_faults(file, entry, faults, context)
    if entry.sample_every < SHORTEST_SAMPLING_NS:
        message = "the recorders look at the pools every 1ms at most"
        context.note(entry, "sample_every", message=message)
    asked = entry.compare or COMPARISONS
    return Recording(
        nodes=entry.nodes,
        compare=tuple(name for name in COMPARISONS if name in asked),
        repetitions=entry.repetitions,
        sample_every_ns=entry.sample_every,
        driver_version=entry.driver_version or "",
    )


def _check_cluster(file: FileEntry, context: Context) -> None:
    datacenters = file.cluster.datacenters
    if len(datacenters) > 1:
        message = "a plan with `record` has one datacenter: the harness's nodes are all in one"
        context.note(file.cluster, "datacenters", message=message, of_key=True)
    for entry in datacenters.values():
        if entry.nodes > MOST_RECORDED_NODES:
            message = f"a plan with `record` has 1 to {MOST_RECORDED_NODES} nodes"
            context.note(entry, "nodes", message=message)
    if file.cluster.node.accepts is not None:
        message = "the harness does not limit how fast nodes accept: leave it out"
        context.note(file.cluster.node, "accepts", message=message, of_key=True)
    if file.changes:
        message = "the recorders set no option at runtime: a plan with `record` has no changes"
        context.note(file, "changes", message=message, of_key=True)


def _check_clients(file: FileEntry, clients: list[Client], context: Context) -> None:
    if len(file.clients) > 1:
        message = "a plan with `record` has one client: one real session stands for it"
        context.note(file, "clients", message=message, of_key=True)
    by_name = {client.name: client for client in clients}
    for index, entry in enumerate(file.clients):
        client = by_name.get(entry.name or f"client{index + 1}")
        if client is not None:
            _check_client(entry, client, context)


def _check_client(entry: ClientEntry, client: Client, context: Context) -> None:
    if client.instances > 1:
        message = "a plan with `record` has one instance: one real session stands for it"
        context.note(entry, "instances", message=message)
    if client.driver not in RECORDED_DRIVERS:
        known = ", ".join(RECORDED_DRIVERS)
        message = f"there is no recorder for {client.driver} (there is {known})"
        context.note(entry, "driver", message=message)
    if client.protocol != RECORDED_PROTOCOL:
        message = f"plans are recorded on v{RECORDED_PROTOCOL} only"
        context.note(entry, "protocol", message=message)
    if client.load.kind not in RECORDED_LOADS:
        message = f"{client.load.kind} cannot be recorded ({', '.join(RECORDED_LOADS)} can)"
        context.note(entry.load, client.load.kind, message=message, of_key=True)
    if 0 < client.idempotent < 1:
        message = "the recorders mark all requests or none: write true or false"
        context.note(entry, "idempotent", message=message)
    if client.max_concurrent and client.driver not in LIMITED_DRIVERS:
        message = f"the recorder of {client.driver} has no limit of its own: leave it out"
        context.note(entry, "limit", message=message, of_key=True)
    _check_options(entry, client, context)


def _check_options(entry: ClientEntry, client: Client, context: Context) -> None:
    """What a real session of the harness cannot be given."""
    options = client.options
    units = {
        "idle_timeout": (options.idle_timeout_ns, _SECOND_NS, "seconds"),
        "pool_timeout": (options.pool_timeout_ns, _MILLISECOND_NS, "milliseconds"),
        "heartbeat_interval": (options.heartbeat_interval_ns, _SECOND_NS, "seconds"),
        "read_timeout": (options.read_timeout_ns, _MILLISECOND_NS, "milliseconds"),
        "connect_timeout": (options.connect_timeout_ns, _MILLISECOND_NS, "milliseconds"),
    }
    for name, (value_ns, unit_ns, unit) in units.items():
        if value_ns % unit_ns:
            message = f"{name}: the driver takes whole {unit} only"
            context.note(entry, "options", message=message, of_key=True)
    if options.balancing.token_aware and len(context.datacenter_names()) == 1:
        name = context.datacenter_names()[0]
        nodes = context.raw(("cluster", "datacenters", name, "nodes"))
        if nodes != 1:
            message = (
                "recorded requests have no routing key, so a token-aware policy has no replicas "
                "to go to: write load_balancing: {token_aware: false}"
            )
            context.note(entry, message=message, uses=[("cluster",)])
    for name, is_asked in (
        ("keepalive", options.keepalive and client.driver not in KEEPALIVE_DRIVERS),
        ("warm_up", options.wrapper.warm_up),
        ("connection_monitor", options.wrapper.monitored),
    ):
        if is_asked:
            message = f"{name}: the recorder has none"
            context.note(entry, "options", name, message=message, of_key=True)
    if client.options.authentication_round_trips:
        message = "the harness's nodes ask for no authentication"
        context.note(entry, "options", message=message, of_key=True)


def _check_faults(
    file: FileEntry, record: RecordEntry, faults: tuple[Fault, ...], context: Context
) -> None:
    for entry in file.faults:
        if entry.kind not in RECORDED_FAULTS:
            message = f"{entry.kind} cannot be recorded ({', '.join(RECORDED_FAULTS)} can)"
            context.note(entry, "kind", message=message)
    if faults and record.nodes == "bare":
        message = "faults need paced nodes: the proxy in front of them tells when they came"
        context.note(record, "nodes", message=message, uses=[("faults",)])
