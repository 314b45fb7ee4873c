"""Live progress of long runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import rich.console
    import rich.progress


class Progress(Protocol):
    """Is told how far replications are."""

    def update(self, replication: int, share: float, requests: int) -> None:
        """Replication (from 0) has done a share (0..1) of its time and ended so many requests.

        Every replication is announced with share 0 before any of its block starts.
        """


class Bar:
    """A bar over all replications, with the rate of requests and the time left."""

    def __init__(self, progress: rich.progress.Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, rate="")
        self._shares: dict[int, float] = {}
        self._requests: dict[int, int] = {}

    def update(self, replication: int, share: float, requests: int) -> None:
        """See Progress."""
        # What another process says may arrive late: never backwards.
        self._shares[replication] = max(self._shares.get(replication, 0.0), min(share, 1.0))
        self._requests[replication] = max(self._requests.get(replication, 0), requests)
        elapsed_s = self._progress.tasks[0].elapsed or 0.0
        ended = sum(self._requests.values())
        done = sum(share == 1.0 for share in self._shares.values())
        total = len(self._shares)
        self._progress.update(
            self._task,
            description=f"{done}/{total} replications" if total > 1 else "run",
            completed=sum(self._shares.values()),
            total=total,
            rate=f"{ended / elapsed_s:,.0f} requests/s" if elapsed_s > 0 else "",
        )


@contextmanager
def bar(console: rich.console.Console | None = None) -> Iterator[Bar]:
    """A live bar on the console, stderr by default; silent where that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeftColumn

    console = console or Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeLeftColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield Bar(progress)
