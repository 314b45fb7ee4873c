"""Options of async-cassandra: those of the Python driver below it, and what it adds.

Names and numbers are the document's ("Connection Pooling in async-cassandra"); sources are those of
the package of its day, axonops/async-python-cassandra-client at f217c5d. `AsyncCluster` hands the
driver's own options on under the driver's names; only its reconnection differs, of 60 s at most.
"""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from poolsim.scenario.entries import Entry
from poolsim.scenario.fields import FLAG, POSITIVE_DURATION, whole
from poolsim.scenario.options import Own, described
from poolsim.scenario.python_options import PYTHON, SECOND_NS, PythonOptions
from poolsim.scenario.scenario import Options, Wrapper

PACKAGE = "axonops/async-python-cassandra-client@f217c5d:src/async_cassandra/"
NAME = "async_cassandra"
MAX_CONCURRENT = 1_000
MONITOR_INTERVAL_NS = 60 * SECOND_NS
MAX_RECONNECTION_DELAY_NS = 60 * SECOND_NS


class RateLimitedSession(Entry):
    """The application's own limit around a session."""

    enabled: Annotated[
        bool | None,
        FLAG,
        Own("RateLimitedSession", "wrapper.rate_limited", PACKAGE + "monitoring.py:272"),
    ] = described("Whether requests go through one.")
    max_concurrent: Annotated[
        int | None,
        whole(1, 10_000_000),
        Own(
            "RateLimitedSession(session, max_concurrent)",
            "wrapper.max_concurrent",
            PACKAGE + "monitoring.py:280",
        ),
    ] = described("Requests of a session at a time; others wait.")


class ConnectionMonitor(Entry):
    """Looks at every host again and again."""

    enabled: Annotated[
        bool | None,
        FLAG,
        Own("ConnectionMonitor", "wrapper.monitored", PACKAGE + "monitoring.py:57"),
    ] = described("Whether a session has one.")
    interval: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own(
            "ConnectionMonitor.continuous_monitoring(interval)",
            "wrapper.monitor_interval_ns",
            PACKAGE + "monitoring.py:194",
        ),
    ] = described("From the end of one round over the hosts to the next.")


class AsyncCassandraOptions(PythonOptions):
    """Options of async-cassandra over the Python driver."""

    warm_up: Annotated[
        bool | None,
        FLAG,
        Own("warmup_connections", "wrapper.warm_up", PACKAGE + "monitoring.py:168"),
    ] = described("Whether a query goes to each host, one by one, before requests do.")
    rate_limited_session: RateLimitedSession = Field(default_factory=RateLimitedSession)
    connection_monitor: ConnectionMonitor = Field(default_factory=ConnectionMonitor)


def defaults(protocol: int) -> Options:
    """The Python driver's, but for the longest reconnection delay (cluster.py:87)."""
    options = PYTHON.defaults(protocol)
    return replace(
        options,
        reconnection=replace(options.reconnection, max_ns=MAX_RECONNECTION_DELAY_NS),
        wrapper=Wrapper(
            NAME, max_concurrent=MAX_CONCURRENT, monitor_interval_ns=MONITOR_INTERVAL_NS
        ),
    )


ASYNC_CASSANDRA = replace(
    PYTHON,
    name=NAME,
    title="async-cassandra over the Cassandra Python driver 3.29",
    entry=AsyncCassandraOptions,
    defaults=defaults,
    rules=PYTHON.name,
)
