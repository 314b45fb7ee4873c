"""Live progress over points, with the time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def points_bar(noun: str = "points") -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr that is told (done, in all); None where nobody can see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as TimeTakenColumn
    from rich.progress import TimeRemainingColumn as TimeLeftColumn

    progress = Progress(
        TextColumn(noun),
        BarColumn(),
        MofNCompleteColumn(),
        TimeTakenColumn(),
        TextColumn("left"),
        TimeLeftColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with progress:
        task = progress.add_task("", total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield told
