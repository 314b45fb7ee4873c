"""The metrics: names, units, meanings, and the expressions that name them.

A metric is written `[client/]metric[.statistic][@phase]`, an expectation compares one with a
value: `latency.p99 < 20ms`, `api/rejected@spike == 0`. The names follow the Java driver's own
metrics where it has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from poolsim.scenario import units
from poolsim.scenario.mistakes import did_you_mean
from poolsim.scenario.scenario import Expectation

Unit = Literal["s", "1/s", "share", "count", "B"]

TIME_STATISTICS = ("mean", "p50", "p75", "p90", "p95", "p99", "p99.9", "max", "min")
LEVEL_STATISTICS = ("mean", "max", "min", "end")


@dataclass(frozen=True, slots=True)
class Metric:
    """What a run is measured by.

    `statistics` is empty where the metric is one number; `default_statistic` stands where none is
    written. `with_phase` says whether `@phase` makes sense; `needs_fault` whether there must be a
    fault for it to exist; `of_driver` which driver's clients alone have it, "" for all.
    """

    name: str
    unit: Unit
    meaning: str
    statistics: tuple[str, ...] = ()
    default_statistic: str = ""
    with_phase: bool = True
    needs_fault: bool = False
    of_driver: str = ""


@dataclass(frozen=True, slots=True)
class MetricName:
    """A metric's full name, taken apart; parts that do not apply are ""."""

    metric: str
    statistic: str = ""
    client: str = ""
    phase: str = ""

    def __str__(self) -> str:
        client = f"{self.client}/" if self.client else ""
        statistic = f".{self.statistic}" if self.statistic else ""
        phase = f"@{self.phase}" if self.phase else ""
        return f"{client}{self.metric}{statistic}{phase}"


class ExpressionError(ValueError):
    """A metric or an expectation that cannot be read; its text says what to write."""


def _time(name: str, meaning: str) -> Metric:
    return Metric(name, "s", meaning, TIME_STATISTICS, "mean")


def _count(name: str, meaning: str) -> Metric:
    return Metric(name, "count", meaning)


def _level(name: str, meaning: str) -> Metric:
    return Metric(name, "count", meaning, LEVEL_STATISTICS, "max")


def _generic(name: str, unit: Unit, meaning: str) -> Metric:
    """A level for sizes and counts of things that are there, one number for the rest."""
    if unit == "B" or name == "buffered_responses":
        return Metric(name, unit, meaning, LEVEL_STATISTICS, "max", of_driver="generic")
    return Metric(name, unit, meaning, of_driver="generic")


def _fault_time(name: str, meaning: str) -> Metric:
    return Metric(name, "s", meaning, with_phase=False, needs_fault=True)


_ALL = (
    _time("latency", "from the intended start of a request to its end, of requests that succeed"),
    _time("wait", "for a stream: in the acquisition queue or the blocked borrow, all hosts tried"),
    _time("service", "from the write of the last attempt to its delivered response"),
    _time(
        "issue_wait",
        "from the intended start to the driver: the application's limit and the issuing thread",
    ),
    _count("requests", "requests that ended"),
    _count("rejected", "attempts that a pool refused: queue full, no queue, or timed out in it"),
    _count("errors", "requests that ended in an error, whatever it was"),
    _count("client_timeouts", "requests that ended in the driver's own timeout"),
    _count("no_host_available", "requests for which every host of the plan was tried or skipped"),
    _count("connection_errors", "requests that ended because their connection broke"),
    _count("busy_connections", "requests that ended in BusyConnection (generic)"),
    _count("server_errors", "requests that ended with an error that a node answered"),
    _count("retries", "attempts beyond the first of a request"),
    Metric(
        "unfinished", "count", "requests still on their way when the run ended", with_phase=False
    ),
    _count("connections_opened", "connections that joined a pool"),
    _count("connections_trashed", "connections put aside because the load fell"),
    _count("connections_resurrected", "trashed connections taken back because the load returned"),
    _count("connections_closed", "connections closed in good order"),
    _count("connections_lost", "connections that broke"),
    _count("connections_dropped", "connections that a middlebox dropped, telling nobody"),
    _count("connect_failures", "connections that could not be opened"),
    _count("reconnection_attempts", "attempts to reconnect to a host that is down"),
    _count("hosts_down", "times that a session held a host for down"),
    _count("heartbeat_failures", "heartbeats without an answer"),
    _count("high_in_flight_signals", "times that a connection reached its high watermark"),
    _count("queue_full_signals", "times that a connection began to reject for want of room"),
    _count("read_buffer_full_signals", "times that a connection's read buffer was exceeded"),
    _count("gc_pauses", "pauses of the clients' garbage collectors (generic)"),
    Metric(
        "pools_ready",
        "s",
        "from the start of the run until the last pool had its core connections",
        with_phase=False,
    ),
    Metric("throughput", "1/s", "requests that succeed, per second"),
    Metric("error_rate", "share", "errors / requests"),
    Metric("rejection_rate", "share", "requests with a rejected attempt / requests"),
    _level("open_connections", "connections in a pool, handshake done"),
    _level("trashed_connections", "connections put aside, not yet closed"),
    _level("connecting_connections", "connections being made"),
    _level("in_flight", "requests in flight, as the driver counts them"),
    _level("request_queue_depth", "the acquisition queues, as the driver counts them"),
    _level("orphaned_streams", "streams held by requests that timed out"),
    _generic("buffered_responses", "count", "responses read that wait for a callback thread"),
    _generic("memory", "B", "connections, requests in flight and results, by their overheads"),
    _generic("thread_memory", "B", "what a thread for each request in flight would take"),
    _generic(
        "throughput_bound",
        "1/s",
        "in theory: most connections of the local nodes x max_requests / mean service",
    ),
    _generic("busy_threads", "count", "I/O and callback threads that the work given to them takes"),
    _generic("syscalls", "count", "flushes and reads of sockets"),
    _fault_time(
        "detect",
        "from the start of a fault to the host being marked down (a node that joins: up; one that "
        "leaves: removed or down)",
    ),
    _fault_time("fail_over", "from the start of a fault to the end of the last request lost to it"),
    _fault_time(
        "recover",
        "from the end of a fault until, for the 10 s from then on, the success rate is within 1 % "
        "of before and every pool has the size that its load needs",
    ),
    _fault_time(
        "unnoticed",
        "from a middlebox's dropping a connection to the client's noticing, or to the end of the "
        "run; of all such connections the longest",
    ),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""By name. Without a client a metric is over all clients. Levels are sums over all instances and
hosts; counts and times of a phase belong to the requests intended in it, without a phase to all
after the warm-up."""

_NAME = re.compile(
    r"(?:(?P<client>[^/\s]+)/)?(?P<metric>[^\s/.@<>=!]+)(?:\.(?P<statistic>[^\s/@<>=!]+))?"
    r"(?:@(?P<phase>[^\s/@<>=!]+))?"
)
_EXPECTATION = re.compile(r"\s*(?P<name>[^<>=!]*?)\s*(?P<comparison>[<>=!]+)\s*(?P<value>.*?)\s*")
COMPARISONS = ("<", "<=", "==", ">=", ">")
_MEANT = {"=": "==", "=<": "<=", "=>": ">=", "===": "==", "<<": "<", ">>": ">"}
_EXAMPLES: dict[Unit, str] = {
    "s": "20ms",
    "1/s": "20k/s",
    "share": "5%",
    "count": "0",
    "B": "20MB",
}


def parse_metric(text: str) -> MetricName:
    """The parts of `api/latency.p99@spike`, the statistic filled in where none is written.

    Raises ExpressionError for names that do not exist; clients and phases are not looked up.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None:
        raise ExpressionError(
            f"'{_short(text)}' is not a metric: write [client/]metric[.statistic][@phase]"
        )
    name, statistic = match["metric"], match["statistic"] or ""
    metric = METRICS.get(name)
    if metric is None:
        hint = did_you_mean(name, METRICS)
        raise ExpressionError(f"unknown metric '{_short(name)}'{hint}: `poolsim metrics` lists all")
    if statistic and statistic not in metric.statistics:
        if not metric.statistics:
            raise ExpressionError(f"{name} is one number and has no statistic: write {name}")
        hint = did_you_mean(statistic, metric.statistics)
        known = ", ".join(metric.statistics)
        raise ExpressionError(f"{name} has no statistic '{_short(statistic)}'{hint}: {known}")
    if match["phase"] and not metric.with_phase:
        what = "the faults of a run" if metric.needs_fault else "the whole run"
        raise ExpressionError(f"{name} belongs to {what}, not to a phase: leave @ out")
    return MetricName(
        metric=name,
        statistic=statistic or metric.default_statistic,
        client=match["client"] or "",
        phase=match["phase"] or "",
    )


def parse_expectation(text: str) -> Expectation:
    """The parts of `latency.p99 < 20ms`, the value in SI units.

    Raises ExpressionError with what to write instead.
    """
    match = _EXPECTATION.fullmatch(text)
    if match is None or not match["name"] or not match["value"]:
        raise ExpressionError(
            f"'{_short(text)}' is not an expectation: write metric, comparison and value, such as "
            "latency.p99 < 20ms"
        )
    name = parse_metric(match["name"])
    comparison = match["comparison"]
    if comparison not in COMPARISONS:
        meant = _MEANT.get(comparison)
        hint = f" (did you mean {meant}?)" if meant else ""
        raise ExpressionError(f"'{comparison}' is none of {' '.join(COMPARISONS)}{hint}")
    return Expectation(
        text=" ".join(text.split()),
        client=name.client,
        metric=name.metric,
        statistic=name.statistic,
        phase=name.phase,
        comparison=comparison,
        value=parse_value(METRICS[name.metric], match["value"]),
    )


def parse_value(metric: Metric, text: str) -> float:
    """A metric's value in SI units: seconds, per second, a share of 1, a count."""
    try:
        match metric.unit:
            case "s":
                return units.parse_duration(text) / 1e9
            case "1/s":
                return units.parse_rate(text)
            case "share":
                return units.parse_share(text)
            case "count":
                return units.parse_number(text, "a count", "0 or 20k")
            case "B":
                return float(units.parse_size(text))
    except units.UnitError as error:
        number = re.match(r"\s*[+-]?\d+(\.\d+)?", text)
        hint = ""
        if metric.unit == "s" and number and number.group().strip() == text.strip():
            hint = f": write {text.strip()}ms or {text.strip()}s"
            raise ExpressionError(f"{metric.name} is a time and {text} has no unit{hint}") from None
        raise ExpressionError(
            f"{metric.name} is compared with a value such as {_EXAMPLES[metric.unit]}: {error}"
        ) from None


def full_name(expectation: Expectation) -> str:
    """The name under which a replication's `metrics` hold the value."""
    return str(
        MetricName(expectation.metric, expectation.statistic, expectation.client, expectation.phase)
    )


def with_defaults(name: str) -> str:
    """A metric's full name with its statistic: `latency` becomes `latency.mean`."""
    return str(replace(parse_metric(name)))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "..."
