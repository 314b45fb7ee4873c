"""Faults and changes of a random scenario."""

from __future__ import annotations

from poolsim.fidelity.generator.dice import Dice
from poolsim.fidelity.generator.options import Setting, draw_change
from poolsim.fidelity.generator.outline import (
    ABANDONMENT,
    CHANGES,
    DISTANCE,
    EXHAUSTION,
    RESTARTS,
    SATURATION,
    SECOND_NS,
    SILENCE,
    STARVATION,
    STORM,
    Outline,
)
from poolsim.model.build import FAULT_KINDS
from poolsim.scenario.drivers import DriverOption
from poolsim.scenario.scenario import Change, Client, Datacenter, Fault

MILLISECOND_NS = 1_000_000
_FACTORS = (0.5, 1.5, 2.0, 5.0, 20.0)
_OF_OTHER_DICE = ("middlebox", "add", "remove")
_FREQUENT = ("stop", "stop", "pause", "pause", "slow", "slow")
_MIDDLEBOX_PERCENT = 25
_MEMBERSHIP_PERCENT = 45


def draw_faults(
    dice: Dice, outline: Outline, datacenters: tuple[Datacenter, ...], harmless: bool
) -> tuple[Fault, ...]:
    """What befalls nodes in the order of time, one fault at a time on each; if `harmless`, nodes
    only slow."""
    if EXHAUSTION in outline.themes:
        return _of_the_only_node(dice, outline, datacenters[0])
    found: list[Fault] = []
    for _ in range(_how_many(dice, outline)):
        fault = _fault(dice, outline, datacenters)
        is_free = all(fault.node != other.node or _apart(fault, other) for other in found)
        if is_free and (fault.kind == "slow" or not harmless):
            found.append(fault)
    if DISTANCE in outline.themes and not harmless and dice.yes(75):
        found += _whole_datacenter(dice, outline, datacenters[0], found)
    return tuple(sorted(found, key=lambda fault: (fault.at_ns, fault.node)))


def _how_many(dice: Dice, outline: Outline) -> int:
    if RESTARTS in outline.themes:
        return dice.whole(3, 8)
    if SILENCE in outline.themes:
        return dice.whole(1, 4)
    if STARVATION in outline.themes or STORM in outline.themes:
        return dice.one_of((0, 1, 2))
    return dice.one_of((0, 0, 1, 2, 3))


def _fault(dice: Dice, outline: Outline, datacenters: tuple[Datacenter, ...]) -> Fault:
    kinds = tuple(kind for kind in FAULT_KINDS if kind not in _OF_OTHER_DICE) + _FREQUENT
    if RESTARTS in outline.themes:
        kinds += ("stop",) * 4 + ("refuse",) * 5
    if SILENCE in outline.themes:
        kinds += ("pause",) * 4 + ("silent",) * 2
    kind = dice.one_of(kinds)
    place = dice.whole(0, len(datacenters) - 1)
    datacenter = datacenters[place]
    number = dice.whole(1, datacenter.nodes)
    at_ns = moment(dice, outline.duration_ns)
    for_ns = _length(dice, outline, datacenter, at_ns)
    return Fault(
        at_ns=at_ns,
        for_ns=for_ns,
        node=sum(before.nodes for before in datacenters[:place]) + number - 1,
        node_name=f"{datacenter.name}/{number}",
        kind=kind,
        factor=dice.one_of(_FACTORS) if kind == "slow" else 1.0,
    )


def _length(dice: Dice, outline: Outline, datacenter: Datacenter, at_ns: int) -> int:
    """From within a network delay to beyond every timeout; 0, to the end, only late in the run."""
    delay_ns = max(datacenter.delay_ns, MILLISECOND_NS)
    longest_ns = outline.duration_ns // 3
    length_ns = dice.one_of(
        (
            dice.whole(delay_ns // 4, 2 * delay_ns),
            dice.whole(MILLISECOND_NS, SECOND_NS),
            dice.whole(1, 8) * SECOND_NS,
            dice.whole(5 * SECOND_NS, 20 * SECOND_NS),
            dice.whole(longest_ns // 2, longest_ns),
        )
    )
    if at_ns > outline.duration_ns * 7 // 10 and dice.yes(25):
        return 0
    return max(min(length_ns, longest_ns), 1)


def _whole_datacenter(
    dice: Dice, outline: Outline, datacenter: Datacenter, others: list[Fault]
) -> list[Fault]:
    """All nodes of the first datacenter fail at about the same time."""
    kind = dice.one_of(("stop", "stop", "pause"))
    at_ns = moment(dice, outline.duration_ns * 6 // 10)
    length_ns = dice.whole(1, outline.duration_ns // 4)
    spread_ns = dice.one_of((0, SECOND_NS))
    faults = [
        Fault(at_ns + dice.whole(0, spread_ns), length_ns, n, f"{datacenter.name}/{n + 1}", kind)
        for n in range(datacenter.nodes)
    ]
    return [
        fault
        for fault in faults
        if all(fault.node != other.node or _apart(fault, other) for other in others)
    ]


def draw_breaks(
    dice: Dice,
    outline: Outline,
    datacenters: tuple[Datacenter, ...],
    client: Client,
    others: tuple[Fault, ...],
) -> tuple[Fault, ...]:
    """Connections of a client that bursts take to its limit break in the middle of some: all that
    they carry ends in one instant, and as many requests that waited for the limit enter in it."""
    load = client.load
    bursts = load.every_ns > 0 and client.max_concurrent > 0 and load.size > client.max_concurrent
    if STARVATION not in outline.themes or not bursts or client.options.retry != "fallthrough":
        return ()
    home = next(one for one in datacenters if one.name == client.datacenter)
    first = sum(one.nodes for one in datacenters[: datacenters.index(home)])
    count = (outline.duration_ns - load.first_ns) // load.every_ns
    found: list[Fault] = []
    for burst in range(count // 2, count, max(count // 6, 1)):
        at_ns = load.first_ns + load.every_ns * burst + home.delay_ns + outline.service_ns // 4
        k = dice.whole(0, home.nodes - 1)
        kind, for_ns = "protocol_error", outline.service_ns
        if home.nodes > 1 and dice.yes(90):  # another one goes on
            kind, for_ns = "stop", MILLISECOND_NS
        fault = Fault(at_ns, for_ns, first + k, f"{home.name}/{k + 1}", kind)
        if all(fault.node != other.node or _apart(fault, other) for other in (*others, *found)):
            found.append(fault)
    return tuple(found)


def draw_middleboxes(
    dice: Dice, outline: Outline, datacenters: tuple[Datacenter, ...], harmless: bool
) -> tuple[Fault, ...]:
    """Now and then one in front of all nodes of a datacenter, which forgets sooner than heartbeats
    come, or not."""
    silence = 2 if SILENCE in outline.themes else 1
    if harmless or EXHAUSTION in outline.themes or not dice.yes(_MIDDLEBOX_PERCENT * silence):
        return ()
    place = dice.whole(0, len(datacenters) - 1)
    first = sum(before.nodes for before in datacenters[:place])
    datacenter = datacenters[place]
    at_ns = dice.one_of((0, moment(dice, outline.duration_ns // 2)))
    for_ns = dice.one_of((0, 0, outline.duration_ns // 3))
    idle_ns = dice.one_of((200 * MILLISECOND_NS, SECOND_NS, 3 * SECOND_NS, 15 * SECOND_NS))
    return tuple(
        Fault(
            at_ns,
            for_ns,
            first + k,
            f"{datacenter.name}/{k + 1}",
            "middlebox",
            idle_timeout_ns=idle_ns,
        )
        for k in range(datacenter.nodes)
    )


def draw_members(
    dice: Dice,
    outline: Outline,
    datacenters: tuple[Datacenter, ...],
    others: tuple[Fault, ...],
    harmless: bool,
) -> tuple[Fault, ...]:
    """Now and then nodes that join or leave; each datacenter keeps one that does neither, and
    nothing else befalls those that do."""
    if harmless or EXHAUSTION in outline.themes or not dice.yes(_MEMBERSHIP_PERCENT):
        return ()
    busy = {fault.node for fault in others if fault.kind != "middlebox"}
    found: list[Fault] = []
    first = 0
    for datacenter in datacenters:
        for k in range(1, datacenter.nodes):
            if first + k not in busy and dice.yes(50) and len(found) < 6:
                found += _membership(dice, outline, first + k, f"{datacenter.name}/{k + 1}")
        first += datacenter.nodes
    return tuple(found)


def _membership(dice: Dice, outline: Outline, node: int, name: str) -> list[Fault]:
    """A node that joins, leaves, or does one after the other."""
    course = dice.one_of((("add",), ("remove",), ("remove",), ("add", "remove"), ("remove", "add")))
    at_ns = moment(dice, outline.duration_ns // 2)
    found = []
    for kind in course:
        drain_ns = 0
        if kind == "remove":
            longest_ns = 2 * outline.service_ns + SECOND_NS
            # Longer than any driver takes to hear of it, and often than it waits for answers.
            long_ns = 5 * SECOND_NS + dice.whole(1, 2 * longest_ns)
            short_ns = dice.whole(1, SECOND_NS)
            drain_ns = dice.one_of((0, short_ns, dice.whole(1, longest_ns), long_ns, long_ns))
        found.append(Fault(at_ns, 0, node, name, kind, drain_timeout_ns=drain_ns))
        at_ns += drain_ns + dice.whole(1, outline.duration_ns // 4)
    return [fault for fault in found if fault.at_ns < outline.duration_ns]


def _of_the_only_node(dice: Dice, outline: Outline, datacenter: Datacenter) -> tuple[Fault, ...]:
    """What befalls a node whose clients' stream ids ran out just before the half of the run.

    In a saturation it stops. In an abandonment it freezes until after a heartbeat failed, and goes
    on answering; most often it stops after that, at once or when it has answered some.
    """
    percent_ns = outline.duration_ns // 100
    node = f"{datacenter.name}/1"
    if SATURATION in outline.themes:
        at_ns = dice.whole(50 * percent_ns, 54 * percent_ns)
        return (Fault(at_ns, dice.whole(1, 20) * percent_ns, 0, node, "stop"),)
    if ABANDONMENT not in outline.themes:
        return ()
    at_ns = dice.whole(50 * percent_ns, 52 * percent_ns)
    pause = Fault(at_ns, dice.whole(15, 18) * percent_ns, 0, node, "pause")
    goes_on_ns = at_ns + pause.for_ns
    late_ns = dice.whole(90, 96) * percent_ns
    stop_ns = dice.one_of((0, goes_on_ns, late_ns, late_ns, late_ns, late_ns))
    if stop_ns == 0:
        return (pause,)
    return (pause, Fault(stop_ns, dice.whole(1, 3) * percent_ns, 0, node, "stop"))


def _apart(one: Fault, other: Fault) -> bool:
    """One ends before, or at the instant at which, the other begins."""
    first, second = sorted((one, other), key=lambda fault: fault.at_ns)
    return first.for_ns > 0 and first.at_ns + first.for_ns <= second.at_ns != first.at_ns


def moment(dice: Dice, before_ns: int) -> int:
    """An instant: often a whole second or a whole ten seconds, when timers go off, too."""
    grain_ns = dice.one_of((1, 1, SECOND_NS, 10 * SECOND_NS))
    return dice.whole(0, before_ns - 1) // grain_ns * grain_ns


def draw_changes(
    dice: Dice, outline: Outline, settings: dict[str, Setting], clients: tuple[Client, ...]
) -> tuple[Change, ...]:
    """Options that the clients' drivers let change at runtime, to values that they accept."""
    count = dice.whole(5, 10) if CHANGES in outline.themes else dice.one_of((0, 1, 2, 3, 4))
    moments = sorted(moment(dice, outline.duration_ns) for _ in range(count))
    options = {client.name: client.options for client in clients}
    found: list[Change] = []
    for at_ns in moments:
        able = [client for client in clients if _changeable(client, settings[client.name])]
        if not able:
            break
        client = dice.one_of(able)
        setting = settings[client.name]
        option = dice.one_of(_changeable(client, setting))
        value = draw_change(dice, setting, option.field)
        if value is None or any((c.at_ns, c.path) == (at_ns, option.path) for c in found):
            continue
        changed = option.set_to(options[client.name], value)
        if setting.driver.refusals(changed, client.protocol):
            continue
        options[client.name] = changed
        found.append(Change(at_ns, client.name, option.path, value))
    return tuple(found)


def _changeable(client: Client, setting: Setting) -> list[DriverOption]:
    """Options that the client's driver lets change at runtime."""
    return [
        option
        for option in setting.options
        if option.at_runtime and not setting.driver.unavailable(client.protocol, option.path)
    ]
