"""What a wrapper's monitor saw, in words and in rows: the same in the terminal and in HTML."""

from __future__ import annotations

from collections.abc import Sequence

from poolsim.estimation.monitor import HostLook, Monitored, Round
from poolsim.report.units import MISSING, counted, instant, quantity

HEADS = ("host", "up", "version", "connections", "latency", "error")
_MILLISECOND = 1e-3


def title(one: Monitored) -> str:
    """A heading: `What api[0] saw of its hosts`."""
    return f"What {one.client}[{one.instance}] saw of its hosts"


def warm_up_text(one: Monitored) -> str:
    """How the warm-up went, "" where there was none."""
    if not one.warm_up and one.warm_up_s is None:
        return ""
    failed = [f"{host.address} ({host.error})" for host in one.warm_up if host.error]
    reached = len(one.warm_up) - len(failed)
    text = f"warm-up: {reached} of {counted(len(one.warm_up), 'host')} answered"
    if one.warm_up_s is not None:
        text += f" within {quantity(one.warm_up_s, 's')}"
    else:
        text += ", and it had not ended when the run did"
    return f"{text}; not {', '.join(failed)}" if failed else text


def round_text(one: Monitored) -> str:
    """The last round in a sentence, "" where there was none."""
    if not one.rounds:
        return ""
    last = one.rounds[-1]
    app, health = last.app_metrics, last.health
    return (
        f"monitor: {counted(len(one.rounds), 'round')}, the last at {instant(last.timestamp_s)}: "
        f"{counted(last.total_connections, 'connection')}; {health.healthy:,} healthy, "
        f"{health.unhealthy:,} unhealthy; requests: {app.requests_sent:,} sent, "
        f"{app.requests_completed:,} completed, {app.requests_failed:,} failed"
    )


def host_rows(one: Round) -> list[list[str]]:
    """A row a host, as HEADS say."""
    return [
        [
            host.address,
            "yes" if host.is_up else "no",
            host.release_version,
            f"{host.connection_count:,}",
            _latency(host),
            host.error or MISSING,
        ]
        for host in one.hosts
    ]


def _latency(host: HostLook) -> str:
    return quantity(None if host.latency_ms is None else host.latency_ms * _MILLISECOND, "s")


def warning_texts(one: Monitored) -> list[str]:
    """Each warning with its time; one that is repeated round after round is told once."""
    texts: list[str] = []
    for first, last, text in _runs(one.warnings):
        when = instant(first) if first == last else f"{instant(first)} to {instant(last)}"
        texts.append(f"{when}: {text}")
    return texts


def _runs(warnings: Sequence[tuple[float, str]]) -> list[tuple[float, float, str]]:
    runs: list[tuple[float, float, str]] = []
    for at_s, text in warnings:
        if runs and runs[-1][2] == text:
            runs[-1] = runs[-1][0], at_s, text
        else:
            runs.append((at_s, at_s, text))
    return runs
