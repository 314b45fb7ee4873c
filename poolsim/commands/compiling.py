"""Shows a compilation: what is compiled, for how long it has been, and how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from poolsim.machine_code.cache import Program


@contextmanager
def show_compiling(program: Program) -> Iterator[None]:
    """A line when it begins, a running clock where somebody can see it, a line when it is done."""
    started = time.monotonic()
    typer.echo(f"compiling {program.title}, once for this version (under a minute)", err=True)
    if sys.stderr.isatty():
        with _clock():
            yield
    else:
        yield
    took_s = time.monotonic() - started
    typer.echo(f"compiled {program.title} in {took_s:.0f} s", err=True)


@contextmanager
def _clock() -> Iterator[None]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("compiling"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task("", total=None)
        yield
