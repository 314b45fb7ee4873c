"""HdrHistogram logs (`.hdr`): a histogram an interval, as wrk2 and NoSQLBench write them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from poolsim.engine.run import NotReady
from poolsim.model.kinds import OK
from poolsim.planning.run_directory import RunDirectory
from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.recording.histogram import Integers
from poolsim.recording.record import owners
from poolsim.recording.recorder import Recorder

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Scenario

LOWEST_NS, HIGHEST_NS, DIGITS = 1_000, 3_600_000_000_000, 3
INTERVAL_NS = 1_000_000_000
_OUTCOME, _SESSION, _INTENDED, _ENDED = (
    REQUEST_COLUMNS.index(name) for name in ("outcome", "session", "intended_ns", "ended_ns")
)


class _Latencies(Recorder):
    """Keeps the latencies of requests that succeed by interval and client."""

    def __init__(self, scenario: Scenario, interval_ns: int) -> None:
        super().__init__(scenario, interval_ns)
        self._client_of = owners(tuple(client.instances for client in scenario.clients))
        self.histograms: dict[tuple[int, int], Any] = {}

    def requests(self, rows: Integers) -> None:
        """See Recorder.requests."""
        super().requests(rows)
        for row in rows[rows[:, _OUTCOME] == OK]:
            key = int(row[_INTENDED]) // INTERVAL_NS, int(self._client_of[row[_SESSION]])
            if key not in self.histograms:
                self.histograms[key] = _histogram()
            self.histograms[key].record_value(max(int(row[_ENDED] - row[_INTENDED]), LOWEST_NS))


def _histogram() -> Any:
    try:
        from hdrh.histogram import HdrHistogram
    except ImportError:
        raise NotReady("an .hdr log needs hdrhistogram: pip install 'poolsim[export]'") from None
    return HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)


def hdr_log(run: RunDirectory, replication: int) -> str:
    """The log of a replication: latencies in nanoseconds from the intended start, by second of
    their intended start, one tag a client. It begins at second 0 of the run."""
    _histogram()
    latencies = _Latencies(run.scenario, run.recorder().interval_ns)
    run.simulated_again(replication, latencies)
    from hdrh.log import HistogramLogWriter

    text = io.StringIO()
    writer = HistogramLogWriter(text)
    writer.output_comment(f"[Logged by poolsim, {run.name}, replication {replication}]")
    writer.output_log_format_version()
    writer.output_base_time(0)
    # The library's own output_start_time calls a method of datetime that does not exist (0.10.8).
    writer.output_comment("[StartTime: 0.000 (seconds since the start of the run)]")
    writer.output_legend()
    for (interval, client), histogram in sorted(latencies.histograms.items()):
        histogram.set_start_time_stamp(interval * 1_000)
        histogram.set_end_time_stamp((interval + 1) * 1_000)
        histogram.set_tag(run.scenario.clients[client].name)
        writer.output_interval_histogram(histogram)
    return text.getvalue()
