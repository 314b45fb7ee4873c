"""From the blocks of a file to the frozen Scenario, with every check of what must fit together.

`resolve` reads top to bottom as the file does. Each part adds what is wrong to the findings and
goes on with something harmless in its place; what comes out counts only if there are none.
"""

from __future__ import annotations

import re
from pathlib import Path

from poolsim.scenario.context import DURATION_PATH, Context
from poolsim.scenario.document import Block, Document, Items
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.entries import (
    DEFAULT_REPLICATIONS,
    FIRST_REPLICATIONS,
    MOST_ITEMS,
    MOST_NODES,
    MOST_REPLICATIONS,
    ClientEntry,
    ClusterEntry,
    DatacenterEntry,
    FileEntry,
    ReplicationsEntry,
)
from poolsim.scenario.metrics import (
    METRICS,
    ExpressionError,
    MetricName,
    parse_expectation,
    parse_metric,
)
from poolsim.scenario.mistakes import TreePath, did_you_mean
from poolsim.scenario.options import Driver, resolve_options
from poolsim.scenario.resolve_events import resolve_changes, resolve_faults
from poolsim.scenario.resolve_laws import resolve_law
from poolsim.scenario.resolve_loads import resolve_load
from poolsim.scenario.resolve_plan import resolve_plan
from poolsim.scenario.resolve_record import resolve_record
from poolsim.scenario.scenario import (
    RELEASE_VERSION,
    Client,
    Datacenter,
    Expectation,
    Fault,
    Kernel,
    Node,
    Options,
    Replications,
    Scenario,
)
from poolsim.scenario.structure import homes_of, note_empty_values, read_entry
from poolsim.scenario.units import format_duration

DEFAULT_REPLICATION_FACTOR = 3
MOST_CONNECTIONS = 2_000_000
"""Of one client entry, at the start: beyond it a run would exhaust the memory."""


def resolve(document: Document, directory: Path, path: Path | None) -> Scenario:
    """The scenario of a document; raises ScenarioError with every mistake of it."""
    findings = document.findings
    note_empty_values(document.root, findings)
    _note_long_lists(document)
    file = read_entry(FileEntry, document.root, findings, homes_of(FileEntry))
    if file is None:
        raise findings.error()
    context = Context(document, directory, file.duration)
    datacenters = _datacenters(file.cluster, context)
    clients = _clients(file.clients, datacenters, context)
    faults = resolve_faults(file.faults, file.cluster.datacenters, context)
    scenario = Scenario(
        name=file.name or _name_from(document.name),
        question=file.question,
        seed=file.seed,
        duration_ns=file.duration,
        warm_up_ns=_warm_up(file, context),
        replications=_replications(file.replications, clients, context),
        datacenters=datacenters,
        node=Node(
            workers=file.cluster.node.workers,
            service=resolve_law(file.cluster.node.service, context),
            accepts_per_second=file.cluster.node.accepts or 0.0,
            release_version=file.cluster.node.release_version or RELEASE_VERSION,
        ),
        clients=tuple(clients),
        faults=faults,
        changes=resolve_changes(file.changes, clients, context),
        expectations=_expectations(clients, faults, context),
        plan=resolve_plan(file, clients, context),
        path=path,
        recording=resolve_record(file, clients, faults, context),
    )
    if findings:
        raise findings.error()
    return scenario


def _note_long_lists(document: Document) -> None:
    """A list of a hundred thousand items is a mistake, not a scenario."""
    for key in ("clients", "faults", "changes", "expect"):
        items = document.root.get(key)
        if isinstance(items, Items) and len(items) > MOST_ITEMS:
            message = f"{len(items):,} items: at most {MOST_ITEMS:,}"
            document.findings.add((key,), message, breaks=True)
            del items[MOST_ITEMS:]


def _name_from(file: str) -> str:
    """A name made of the file's, for scenarios without one."""
    stem = re.sub(r"\.ya?ml$", "", Path(file).name)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64]
    return name or "scenario"


def _warm_up(file: FileEntry, context: Context) -> int | None:
    """None for auto, but 0 where faults make the run a story with a beginning and an end."""
    if file.warm_up is None:
        return 0 if file.faults else None
    warm_up_ns = context.moment(file.warm_up)
    if warm_up_ns >= context.duration_ns:
        end = format_duration(context.duration_ns)
        message = f"the warm-up lasts {format_duration(warm_up_ns)}, but the run ends at {end}"
        context.note(file, "warm_up", message=message, uses=[DURATION_PATH])
    return warm_up_ns


# The cluster --------------------------------------------------------------------------------------


def _datacenters(cluster: ClusterEntry, context: Context) -> tuple[Datacenter, ...]:
    """All datacenters in the file's order."""
    if not cluster.datacenters:
        context.note(cluster, "datacenters", message="no datacenter: write {dc1: {nodes: 3}}")
    total = sum(entry.nodes for entry in cluster.datacenters.values())
    if total > MOST_NODES:
        message = f"{total:,} nodes: at most {MOST_NODES:,}"
        context.note(cluster, "datacenters", message=message)
    return tuple(_datacenter(name, entry, context) for name, entry in cluster.datacenters.items())


def _datacenter(name: str, entry: DatacenterEntry, context: Context) -> Datacenter:
    """One datacenter, with delays from others that exist."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        message = "not a name: letters, digits, _ and -, beginning with a letter or digit"
        context.note(entry, message=message, of_key=True)
    factor = entry.replication_factor
    if factor is None:
        factor = min(DEFAULT_REPLICATION_FACTOR, entry.nodes)
    nodes = [(*entry.path, "nodes")]
    if factor > entry.nodes:
        message = f"replication_factor {factor} is more than the {entry.nodes} nodes of {name}"
        context.note(entry, "replication_factor", message=message, uses=nodes)
    if entry.racks > entry.nodes:
        message = f"{entry.racks} racks are more than the {entry.nodes} nodes of {name}"
        context.note(entry, "racks", message=message, uses=nodes)
    names = context.datacenter_names()
    for other in entry.network.delays_from:
        if other not in names:
            message = f"there is no datacenter {other}{did_you_mean(other, names)}"
            context.note(entry.network, "from", other, message=message, of_key=True)
    return Datacenter(
        name=name,
        nodes=entry.nodes,
        replication_factor=factor,
        racks=entry.racks,
        delay_ns=entry.network.delay,
        delays_from_ns=tuple(entry.network.delays_from.items()),
    )


# Clients ------------------------------------------------------------------------------------------


def _clients(
    entries: list[ClientEntry], datacenters: tuple[Datacenter, ...], context: Context
) -> list[Client]:
    """All clients whose driver exists."""
    written = context.raw(("clients",))
    if isinstance(written, Items) and not written:
        context.findings.add(("clients",), "no client: at least one is needed")
    clients: list[Client] = []
    seen: dict[str, int] = {}
    for entry in entries:
        place = entry.path[-1]
        assert isinstance(place, int)
        name = entry.name or f"client{place + 1}"
        if name in seen:
            message = f"a second client '{name}' (the first is clients[{seen[name]}])"
            keys = ("name",) if entry.name else ()
            context.note(entry, *keys, message=message, uses=[(*entry.path, "name")])
        seen.setdefault(name, place)
        client = _client(entry, name, datacenters, context)
        if client is not None:
            clients.append(client)
    return clients


def _client(
    entry: ClientEntry, name: str, datacenters: tuple[Datacenter, ...], context: Context
) -> Client | None:
    """One client; None where its driver is unknown."""
    load = resolve_load(entry.load, context)
    datacenter = _home(entry, context)
    driver = DRIVERS.get(entry.driver)
    if driver is None:
        hint = did_you_mean(entry.driver, DRIVERS) or f" (there is {', '.join(DRIVERS)})"
        context.note(entry, "driver", message=f"unknown driver '{entry.driver[:60]}'{hint}")
        return None
    options = _options(entry, driver, context)
    limit = _limit(entry, options, context)
    if driver.io_threads_fixed and entry.cpu.io_threads not in (None, driver.io_threads):
        message = f"{driver.name} has {driver.io_threads} I/O thread per process: leave it out"
        context.note(entry.cpu, "io_threads", message=message)
    _note_unknown_places(entry, options, datacenters, context)
    nodes = sum(datacenter.nodes for datacenter in datacenters)
    connections = entry.instances * nodes * options.local.core
    if connections > MOST_CONNECTIONS:
        message = (
            f"{entry.instances:,} instances x {nodes} nodes x core {options.local.core} are more "
            f"than the {MOST_CONNECTIONS:,} connections that a run can hold"
        )
        context.note(entry, "instances", message=message, uses=[("cluster",)])
    return Client(
        name=name,
        instances=entry.instances,
        datacenter=datacenter,
        driver=driver.rules or driver.name,
        protocol=entry.protocol,
        idempotent=driver.idempotent if entry.idempotent is None else entry.idempotent,
        options=options,
        issue_ns=entry.cpu.issue,
        per_request_ns=entry.cpu.per_request,
        io_threads=entry.cpu.io_threads or driver.io_threads,
        load=load,
        max_concurrent=limit,
        crosstalk_ns=entry.cpu.crosstalk,
        kernel=Kernel(
            entry.kernel.tcp_keepalive_time,
            entry.kernel.tcp_keepalive_intvl,
            entry.kernel.tcp_keepalive_probes,
            entry.kernel.tcp_retries2,
        ),
    )


def _limit(entry: ClientEntry, options: Options, context: Context) -> int:
    """Requests that the application lets through at a time, 0: all."""
    own = entry.limit.max_concurrent if entry.limit is not None else 0
    wrapper = options.wrapper
    if own and wrapper.rate_limited:
        message = f"{wrapper.name} has a limit already: options.rate_limited_session"
        uses = [(*entry.path, "options")]
        context.note(entry, "limit", message=message, of_key=True, uses=uses)
    return wrapper.max_concurrent if wrapper.rate_limited else own


def _note_unknown_places(
    entry: ClientEntry,
    options: Options,
    datacenters: tuple[Datacenter, ...],
    context: Context,
) -> None:
    """Nodes and datacenters that a wrapper's options name and that do not exist."""
    sizes = {datacenter.name: datacenter.nodes for datacenter in datacenters}
    for node, _ in options.orm.preallocated:
        place, _, number = node.rpartition("/")
        known = place in sizes and number.isascii() and number.isdigit()
        if sizes and not (known and 1 <= int(number[:9]) <= sizes[place]):
            message = f"there is no node {node[:60]}: write {next(iter(sizes))}/1"
            context.note(entry, "options", "preallocateConnections", message=message)
    for region in options.orm.regions:
        if sizes and region.name not in sizes:
            hint = did_you_mean(region.name, sizes)
            message = f"there is no datacenter {region.name[:60]}{hint}"
            context.note(entry, "options", "regionSettings", message=message)


def _home(entry: ClientEntry, context: Context) -> str:
    """The client's datacenter; the first one by default."""
    names = context.datacenter_names()
    if entry.datacenter is None:
        return names[0] if names else ""
    if names and entry.datacenter not in names:
        near = did_you_mean(entry.datacenter, names) or f" (there is {', '.join(names[:5])})"
        message = f"there is no datacenter {entry.datacenter}{near}"
        context.note(entry, "datacenter", message=message)
    return entry.datacenter


def _options(entry: ClientEntry, driver: Driver, context: Context) -> Options:
    """The driver's options, by the entry that the driver itself declares."""
    path = (*entry.path, "options")
    block = context.raw(path)
    if not isinstance(block, Block):
        return resolve_options(driver, None, entry.protocol, path, context.findings)
    homes = dict(homes_of(driver.entry))
    for other in DRIVERS.values():
        if other is not driver:
            for key in homes_of(other.entry):
                homes.setdefault(key, [f"the {other.name} driver's options"])
    options = read_entry(driver.entry, block, context.findings, homes)
    return resolve_options(driver, options, entry.protocol, path, context.findings)


# Replications and expectations --------------------------------------------------------------------


def _replications(
    entry: ReplicationsEntry, clients: list[Client], context: Context
) -> Replications:
    """A fixed number, or a first and a last one."""
    if entry.until is None:
        for key, value in (("min", entry.fewest), ("max", entry.most)):
            if value is not None:
                message = f"{key} belongs to `until`, which is not there"
                context.note(entry, key, message=message, uses=[(*entry.path, "until")])
        return Replications(entry.count or DEFAULT_REPLICATIONS)
    if entry.count is not None:
        message = "count and until at once: keep one"
        context.note(entry, "count", message=message, of_key=True)
    place = (*entry.until.path, "metric")
    name = ""
    try:
        metric = parse_metric(entry.until.metric)
    except ExpressionError as error:
        context.findings.add(place, str(error))
    else:
        _note_unknown_names(metric, place, clients, context)
        name = str(metric)
    most = entry.most or MOST_REPLICATIONS
    fewest = entry.fewest or min(FIRST_REPLICATIONS, most)
    if most < fewest:
        uses = [(*entry.path, "min")]
        context.note(entry, "max", message=f"max {most} is below min {fewest}", uses=uses)
    return Replications(fewest, name, entry.until.half_width, most)


def _expectations(
    clients: list[Client], faults: tuple[Fault, ...], context: Context
) -> tuple[Expectation, ...]:
    """The expectations in the file's order."""
    written = context.raw(("expect",))
    found: list[Expectation] = []
    for index, text in enumerate(written if isinstance(written, Items) else ()):
        place: TreePath = ("expect", index)
        if not isinstance(text, str):
            continue
        try:
            expectation = parse_expectation(text)
        except ExpressionError as error:
            context.findings.add(place, str(error))
            continue
        name = MetricName(
            expectation.metric, expectation.statistic, expectation.client, expectation.phase
        )
        _note_unknown_names(name, place, clients, context)
        _note_missing_fault(expectation.metric, place, faults, context)
        found.append(expectation)
    return tuple(found)


def _note_unknown_names(
    name: MetricName, place: TreePath, clients: list[Client], context: Context
) -> None:
    """Note a client or a phase that a metric names and that does not exist."""
    if not context.names_are_known():
        return
    names = context.client_names()
    if name.client and name.client not in names:
        near = did_you_mean(name.client, names) or f" (there is {', '.join(names[:5])})"
        context.findings.add(place, f"there is no client {name.client}{near}")
        return
    driver = METRICS[name.metric].of_driver
    meant = [client for client in clients if name.client in ("", client.name)]
    if driver and meant and all(client.driver != driver for client in meant):
        drivers = [("clients", index, "driver") for index in range(len(names))]
        message = f"{name.metric} is a metric of the {driver} driver only"
        context.findings.add(place, message, uses=drivers)
        return
    if not name.phase or len(clients) < len(names):
        return
    loads = [client.load for client in clients if name.client in ("", client.name)]
    phases = [phase.name for load in loads for phase in load.phases]
    if name.phase not in phases:
        uses = [("clients", index, "load", "phases") for index in range(len(names))]
        message = context.no_phase(name.phase, phases, f"leave off @{name.phase}")
        context.findings.add(place, message, uses=uses)


def _note_missing_fault(
    metric: str, place: TreePath, faults: tuple[Fault, ...], context: Context
) -> None:
    """Note a metric of faults where there is none that it could be taken from."""
    written = context.raw(("faults",))
    # A fault that could not be read is reported already; it may be the one that is needed.
    are_read = not isinstance(written, Items) or len(written) == len(faults)
    if not METRICS[metric].needs_fault or not are_read:
        return
    if not faults:
        message = (
            f"{metric} needs a fault, and this scenario has none: write faults: [{{at: 50%, for: "
            "10%, node: dc1/1, kind: stop}] (the node that `recommend` loses is no such fault: it "
            "is gone from the start to the end of the run)"
        ).replace("dc1", next(iter(context.datacenter_names()), "dc1"))
        context.findings.add(place, message, uses=[("faults",)])
    elif metric == "recover" and not any(
        0 < fault.for_ns < context.duration_ns - fault.at_ns for fault in faults
    ):
        message = "recover counts from the end of a fault, and no fault ends within the run"
        context.findings.add(place, message, uses=[("faults",), DURATION_PATH])
