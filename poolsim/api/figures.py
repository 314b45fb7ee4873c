"""Figures in notebooks."""

from __future__ import annotations

import sys


def show_figures() -> None:
    """Let a notebook show matplotlib figures that are a cell's value.

    Otherwise it does so only once pyplot was imported, whose global state nobody here needs.
    Outside of IPython nothing happens.
    """
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython
    from IPython.core.pylabtools import select_figure_formats

    shell = get_ipython()
    if shell is not None and hasattr(shell, "display_formatter"):
        select_figure_formats(shell, {"png"})  # type: ignore[no-untyped-call]
