"""Small tables in HTML for notebooks, readable in light and dark pages: they set no colours but
those of verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

MARKS = {"passed": "✓", "failed": "✗", "inconclusive": "?", "none": "•", "refused": "–"}
COLOURS = {"passed": "#009e73", "failed": "#d55e00", "inconclusive": "#b8860b"}


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; every cell's text is escaped, and begins with a coloured mark where it is a
    status."""
    head = "".join(f"<th style='text-align:left'>{escape(str(one))}</th>" for one in headings)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{_cell(one)}</td>" for one in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    text = str(value)
    if text in MARKS:
        colour = COLOURS.get(text, "inherit")
        return f"<span style='color:{colour}'>{MARKS[text]} {escape(text)}</span>"
    return escape(text)
