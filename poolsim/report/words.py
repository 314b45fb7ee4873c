"""What a result says, in sentences: the same words in the terminal and in the HTML report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from poolsim.estimation.results import Estimate, Recovery, Results, Stall, Verdict
from poolsim.model import kinds
from poolsim.report.growth import NANOSECONDS
from poolsim.report.summaries import ClientSummary, FaultTimes
from poolsim.report.units import (
    NO_BREAK,
    counted,
    estimate_text,
    instant,
    interval,
    quantity,
    shorten,
    significant,
)
from poolsim.scenario.scenario import Change, Fault, Scenario

Status = Literal["passed", "failed", "inconclusive", "none"]

CLOSED_LOOP = "closed loop: coordinated omission applies"


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict on the whole run: its status and one line."""

    status: Status
    text: str


def headline(results: Results) -> Headline:
    """The verdict on the run as a whole."""
    total = len(results.verdicts)
    if not total:
        return Headline("none", "Finished: the scenario states no expectation")
    failed = sum(verdict.status == "failed" for verdict in results.verdicts)
    undecided = sum(verdict.status == "inconclusive" for verdict in results.verdicts)
    expectations = "expectation" if total == 1 else "expectations"
    if failed:
        does = "does" if failed == 1 else "do"
        text = f"Failed: {failed} of {total} {expectations} {does} not hold"
        if undecided:
            text += f", {undecided} undecided"
        return Headline("failed", text)
    if undecided:
        is_are = "is" if undecided == 1 else "are"
        runs = counted(len(results.replications), "run")
        return Headline(
            "inconclusive",
            f"Inconclusive: {undecided} of {total} {expectations} {is_are} undecided after {runs}",
        )
    holds = "the expectation holds" if total == 1 else f"all {total} expectations hold"
    return Headline("passed", f"Passed: {holds}")


def answer(results: Results, summaries: list[ClientSummary], times: list[FaultTimes]) -> list[str]:
    """The answer to the scenario's question, one sentence after the other."""
    sentences = [_verdict_sentence(results.verdicts)] if results.verdicts else []
    sentences += [_client_sentence(summary) for summary in summaries[:3]]
    if len(summaries) > 3:
        sentences.append(f"{len(summaries) - 3} more clients are in the tables.")
    sentences += [_fault_sentence(one, len(summaries) > 1) for one in times[:3]]
    if results.recoveries:
        sentences.append(_recovery_sentence(results.recoveries))
    if results.stalls:
        pools = dict.fromkeys(f"{stall.client} to {stall.node}" for stall in results.stalls)
        names = _listed(list(pools), 3)
        sentences.append(
            f"{'A pool' if len(pools) == 1 else counted(len(pools), 'pool')} stalled: {names}."
        )
    return sentences


def _verdict_sentence(verdicts: tuple[Verdict, ...]) -> str:
    broken = [verdict for verdict in verdicts if verdict.status == "failed"]
    open_ones = [verdict for verdict in verdicts if verdict.status == "inconclusive"]
    if broken:
        shown = [f"{one.text} (it is {interval(one.estimate)})" for one in broken]
        return f"Does not hold: {_listed(shown, 3)}."
    if open_ones:
        shown = [f"{one.text} (it is {interval(one.estimate)})" for one in open_ones]
        return f"Not decided: {_listed(shown, 3)}; more replications narrow the interval."
    shown = [f"{one.text} (it is {interval(one.estimate)})" for one in verdicts]
    return f"Holds: {_listed(shown, 3)}."


def _client_sentence(summary: ClientSummary) -> str:
    figures = summary.figures
    parts = [f"{shorten(summary.name, 40)} ({summary.client.driver_name})"]
    if figures["requests"] is not None and figures["requests"].mean == 0:
        return f"{parts[0]} finished no request."
    throughput, latency = figures["throughput"], figures["latency.p99"]
    if throughput is not None:
        parts.append(f"did {quantity(throughput.mean, '1/s')}")
    if latency is not None and not math.isnan(latency.mean):
        parts.append(f"with a p99 latency of {quantity(latency.mean, 's')}")
    text = " ".join(parts)
    text += f" over at most {counted(summary.most_connections, 'connection')}"
    if summary.pools > 1:
        text += f" in {summary.pools:,} pools"
    return f"{text}; {_losses(figures)}."


def _losses(figures: dict[str, Estimate | None]) -> str:
    rejected, errors = figures["rejected"], figures["errors"]
    parts = []
    for estimate, noun in ((rejected, "rejected"), (errors, "failed")):
        if estimate is not None and not math.isnan(estimate.mean) and estimate.mean > 0:
            parts.append(f"{quantity(estimate.mean, estimate.unit)} {noun}")
    return " and ".join(parts) if parts else "nothing was rejected and nothing failed"


def _fault_sentence(times: FaultTimes, named: bool) -> str:
    parts = []
    for estimate, words in (
        (times.detect, "noticed the fault after {}"),
        (times.fail_over, "lost its last request to it after {}"),
        (times.recover, "was itself again {} after its end"),
        (times.unnoticed, "did not notice a dropped connection for {}"),
    ):
        if estimate is None or math.isnan(estimate.mean):
            continue
        if estimate is times.fail_over and estimate.mean == 0:
            parts.append("lost no request to it")
        elif math.isinf(estimate.mean):
            parts.append("did not recover in this run")
        else:
            parts.append(words.format(quantity(estimate.mean, estimate.unit)))
    subject = times.client if named else "The client"
    return f"{subject} {_listed(parts, 3)}." if parts else f"{subject} noticed no fault."


def _recovery_sentence(recoveries: tuple[Recovery, ...]) -> str:
    left = [one for one in recoveries if one.status != "recovered"]
    if not left:
        return "Every pool recovered from its faults."
    shown = [f"{one.client} to {one.node} ({one.status}: {one.reason})" for one in left]
    return f"Did not recover: {_listed(shown, 3)}."


def _listed(items: list[str], most: int) -> str:
    if len(items) > most:
        items = [*items[:most], f"{len(items) - most} more"]
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def verdict_value(verdict: Verdict, plus_minus: str = "±") -> str:
    """What was measured for an expectation: `12.31ms ± 0.20 (95 %, 10 runs)`."""
    return estimate_text(verdict.estimate, plus_minus)


def stall_text(stall: Stall) -> str:
    """Why a pool that needed to grow did not."""
    return (
        f"{stall.client}'s pool to {stall.node} stalled from {instant(stall.from_s)} to "
        f"{instant(stall.to_s)} with {_level(stall.active)}{NO_BREAK}of{NO_BREAK}"
        f"{counted(stall.maximum, 'connection')}: its acquisition queue was never empty "
        f"(up to {counted(stall.pending_max, 'request')} in it), so every released stream went to "
        "a waiter and the growth rule was never evaluated"
    )


def _level(number: float) -> str:
    """A mean number of connections: `5`, `4.6`."""
    return f"{number:,.0f}" if float(number).is_integer() else significant(number, 2)


def recovery_text(recovery: Recovery) -> str:
    """What became of one client's pools of one node after its last fault."""
    text = f"{recovery.client}'s pools to {recovery.node}: {recovery.status}"
    if recovery.recovered_after_s is not None and recovery.status == "recovered":
        text += f" {quantity(recovery.recovered_after_s, 's', space=NO_BREAK)} after the fault"
    if recovery.reason:
        text += f" ({recovery.reason})"
    return text


FAULT_WORDS = {
    "stop": "stopped",
    "pause": "paused",
    "slow": "slow",
    "silent": "silent",
    "refuse": "refuses connections",
    "write_failure": "writes fail",
    "protocol_error": "answers undecodable",
    "overloaded": "overloaded",
    "middlebox": "middlebox",
    "add": "joins",
    "remove": "leaves",
}


def fault_text(fault: Fault) -> str:
    """A fault in words: `dc1/3 stopped from 60.0 s to 100.0 s`."""
    if fault.changes_members:
        text = f"{fault.node_name} {FAULT_WORDS[fault.kind]} the ring at "
        text += instant(fault.at_ns / NANOSECONDS)
        if fault.drain_timeout_ns:
            text += f" and drains for {quantity(fault.drain_timeout_ns / NANOSECONDS, 's')} at most"
        return text
    text = f"{fault.node_name} {FAULT_WORDS.get(fault.kind, fault.kind)}"
    if fault.kind == "slow":
        text += f" (x{fault.factor:g})"
    if fault.kind == "middlebox":
        idle = quantity(fault.idle_timeout_ns / NANOSECONDS, "s")
        text += f" (connections idle for {idle} are dropped silently)"
    text += f" from {instant(fault.at_ns / NANOSECONDS)}"
    if not fault.for_ns:
        return text + " to the end"
    return text + f" to {instant((fault.at_ns + fault.for_ns) / NANOSECONDS)}"


def change_text(change: Change) -> str:
    """An option set at runtime: `api: pooling.local.max = 8 at 90.0 s`."""
    value = (
        quantity(change.value / NANOSECONDS, "s")
        if change.path.endswith(("timeout", "interval", "base"))
        else f"{change.value:,}"
    )
    at = instant(change.at_ns / NANOSECONDS)
    return f"{change.client}: {change.path} = {value} at {at}"


EVENT_WORDS = {
    "connect_started": "connection attempt started",
    "opened": "connection opened",
    "connect_failed": "connection attempt failed",
    "growth": "pool asked to grow",
    "trashed": "connection trashed",
    "resurrected": "connection resurrected",
    "closed": "connection closed",
    "connection_broke": "connection lost",
    "replaced": "connection replaced",
    "heartbeat_failed": "heartbeat failed",
    "host_down": "host marked down",
    "host_up": "host marked up",
    "reconnection_attempt": "reconnection attempt",
    "reconnection_failed": "reconnection failed",
    "reconnection_gave_up": "reconnection given up",
    "node_stopped": "node stopped",
    "node_started": "node started",
    "node_paused": "node paused",
    "node_resumed": "node resumed",
    "node_slowed": "node slowed",
    "node_recovered_speed": "node back to speed",
    "option_changed": "option changed",
    "status_up": "server said: node up",
    "control_connected": "control connection opened",
    "control_lost": "control connection lost",
    "pool_ready": "pool ready",
    "pool_shut": "pool shut",
    "node_silenced": "node accepts and never answers",
    "node_answers": "node answers again",
    "node_refuses": "node refuses connections",
    "node_accepts": "node accepts connections again",
    "writes_fail": "writes to the node fail",
    "writes_work": "writes to the node work again",
    "answers_garbled": "node's answers cannot be decoded",
    "answers_clear": "node's answers can be decoded again",
    "middlebox_watches": "middlebox in front of the node",
    "middlebox_gone": "middlebox gone",
    "middlebox_dropped": "connection dropped silently",
    "node_added": "node joined the ring",
    "node_removed": "node left the ring",
    "node_drained": "node drained and gone",
    "host_added": "host added",
    "host_removed": "host removed",
    "check_ok": "host looked at: it answers",
    "check_failed": "host looked at: no answer",
    "check_found_down": "host held for down",
    "warmed_up": "warm-up over",
    "monitored": "monitor's round over",
    "high_watermark": "high watermark reached",
    "low_watermark": "low watermark reached",
    "queue_full": "connection rejects: queue full",
    "read_buffer_full": "read buffer exceeded",
    "read_buffer_drained": "read buffer half empty again",
    "failed_over": "request failed over",
    "circuit_opened": "circuit opened",
    "circuit_half_open": "circuit half open",
    "circuit_closed": "circuit closed",
    "pool_grew": "pool grows",
    "pool_shrank": "pool shrinks",
    "host_unhealthy": "host unhealthy: health check failed",
    "host_healthy": "host healthy again",
    "discovered": "list of nodes read",
    "metered_total": "metrics: connections",
    "metered_active": "metrics: active connections",
    "metered_in_flight": "metrics: requests in flight",
    "detail_created": "connection at the end: made",
    "detail_last_used": "connection at the end: last used",
    "detail_in_flight": "connection at the end: in flight",
    "request_logged": "request logged",
    "error_logged": "error logged",
    "node_overloaded": "node answers requests with errors",
    "node_relieved": "node answers requests well again",
    "counted_sent": "application's counter: requests sent",
    "counted_completed": "application's counter: requests completed",
    "counted_failed": "application's counter: requests failed",
    "gc_pause": "collector's pause",
}


def event_text(kind: str) -> str:
    """A kind of the event table in words; a kind this file does not know keeps its name."""
    return EVENT_WORDS.get(kind, kind.replace("_", " "))


_DURATIONS = (
    *("check_ok", "warmed_up", "request_logged", "detail_created", "detail_last_used"),
    "gc_pause",
)
"""Events whose value is a time in nanoseconds."""


def event_detail(kind: str, value: int) -> str:
    """What an event's value says, "" where it says nothing."""
    if kind == "connect_started":
        return {1: "reconnection", 2: "control connection"}.get(value, "")
    if kind == "connect_failed":
        return {
            kinds.CONNECT_REFUSED: "refused",
            kinds.CONNECT_TIMED_OUT: "timed out",
        }.get(value, "")
    if kind in ("opened", "trashed", "resurrected", "pool_ready"):
        return f"{value:,} active"
    if kind in ("read_buffer_full", "read_buffer_drained"):
        return quantity(value, "B")
    if kind in ("high_watermark", "low_watermark", "queue_full", "growth", "connection_broke"):
        return f"{value:,} in flight"
    if kind == "replaced":
        return f"{value:,} orphaned streams"
    if kind == "reconnection_attempt":
        return f"number {value:,}"
    if kind == "reconnection_failed":
        return f"next in {quantity(value / NANOSECONDS, 's')}"
    if kind == "reconnection_gave_up":
        return f"after {value:,} attempts"
    if kind == "node_slowed":
        return f"x{value / 1000:g}"
    if kind == "middlebox_dropped":
        return f"idle for {quantity(value / NANOSECONDS, 's')}"
    if kind in _DURATIONS:
        return quantity(value / NANOSECONDS, "s")
    if kind in ("pool_grew", "pool_shrank"):
        return f"to {value:,} connections"
    if kind == "circuit_opened":
        return f"after {value:,} failures in a row" if value else "a trial request failed"
    if kind.startswith(("metered_", "counted_")) or kind == "detail_in_flight":
        return f"{value:,}"
    if kind == "discovered":
        return f"{counted(value, 'host')} came or went"
    if kind == "failed_over":
        return f"to the cluster's node {value + 1:,}"
    if kind in ("check_failed", "error_logged"):
        return kinds.OUTCOME_NAMES[value].replace("_", " ")
    if kind == "monitored":
        return f"{counted(value, 'host')} down"
    if kind == "node_drained":
        return f"{value:,} connections broken off"
    if kind in ("middlebox_watches", "node_removed"):
        what = "idle for" if kind == "middlebox_watches" else "drains for"
        return f"{what} {quantity(value / NANOSECONDS, 's')} at most"
    if kind == "pool_shut":
        return f"{value:,} in its queue"
    if kind == "option_changed":
        return f"now {value:,}"
    return ""


def first_failures(results: Results) -> tuple[str, ...]:
    """The failures in words of the first replication that has any."""
    return next((one.failures for one in results.replications if one.failures), ())


ASSUMPTIONS = (
    "A node is a queue in front of workers that all follow one service law; reads and writes, "
    "replicas that a coordinator asks, compaction and the server's own timeouts are not told "
    "apart, and it answers with errors only where a fault makes it.",
    "The network delays by a constant per pair of datacenters: no loss but by a middlebox, no "
    "bandwidth, no size of a request or response, but for the generic driver's own options.",
    "Client machines have the costs given under cpu and nothing else: no garbage collection, no "
    "other threads, no coalescing of writes, but for the generic driver's own options.",
    "A driver's step happens in one instant: what two of its threads could do to each other in "
    "between does not happen.",
    "Queries need no preparing, schema changes do not occur, and a node that joins or leaves has "
    "its part of the ring in one instant.",
)
"""What the model leaves out, for the assumptions box."""


def validity(scenario: Scenario) -> list[str]:
    """How far each driver of the scenario has been checked against the real one."""
    drivers = dict.fromkeys(client.driver for client in scenario.clients)
    lines = []
    for driver in drivers:
        if driver == "nodejs":
            lines.append(
                "nodejs decisions: replayed against recorded traces of Node.js driver 4.8.0; "
                "performance not yet compared with a live cluster in this version"
            )
        elif driver == "java3":
            lines.append(
                "java3 decisions: replayed against recorded traces of Java driver 3.11.5; "
                "performance not yet compared with a live cluster in this version"
            )
        elif driver == "generic":
            lines.append(
                "generic decisions: written from the document on asynchronous connections, and "
                "chosen where it leaves a rule open; there is no such driver to compare with"
            )
        else:
            lines.append(
                f"{driver} decisions: written from the driver's sources, not replayed against "
                "recorded traces; performance not yet compared with a live cluster in this version"
            )
    return lines
