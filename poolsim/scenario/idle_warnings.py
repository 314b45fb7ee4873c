"""What middleboxes drop although heartbeats or keepalive seem to prevent it: a sentence for each
thing that comes too late."""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.scenario import Client, Kernel, Options, Scenario
from poolsim.scenario.units import format_duration


def idle_warnings(client: Client, options: Options, scenario: Scenario) -> Iterator[str]:
    """Sentences about a client's idle connections."""
    if not options.keepalive and _sets_keepalive(client):
        yield (
            "kernel.tcp_keepalive_* does nothing: the driver does not switch keepalive on "
            "(options.keepalive)"
        )
    middleboxes = [fault for fault in scenario.faults if fault.kind == "middlebox"]
    if not middleboxes:
        return
    idle_ns = min(fault.idle_timeout_ns for fault in middleboxes)
    idle = format_duration(idle_ns)
    probes = client.kernel.keepalive_time_ns
    if options.keepalive and probes > idle_ns:
        yield (
            f"keepalive comes too late: the kernel probes a connection that was idle for "
            f"{format_duration(probes)} (kernel.tcp_keepalive_time), the middlebox drops it after "
            f"{idle}"
        )
    intervals = DRIVERS[client.driver].intervals_of_silence
    latest_ns = intervals * options.heartbeat_interval_ns
    if 0 < idle_ns <= latest_ns and not (options.keepalive and probes <= idle_ns):
        often = "" if intervals == 1 else f"{intervals} times "
        yield (
            f"heartbeats come too late: a silent connection is asked after up to {often}"
            f"{format_duration(options.heartbeat_interval_ns)}, the middlebox drops it after {idle}"
        )


def _sets_keepalive(client: Client) -> bool:
    """Whether something of the kernel's keepalive is not Linux's default."""
    own, linux = client.kernel, Kernel()
    return (own.keepalive_time_ns, own.keepalive_interval_ns, own.keepalive_probes) != (
        linux.keepalive_time_ns,
        linux.keepalive_interval_ns,
        linux.keepalive_probes,
    )
