"""A question in the terminal, before it is asked."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from poolsim.planning.recommend.asked import Asked
from poolsim.report.terminal import Page


def show_question(asked: Asked, console: Console, path: Path) -> None:
    """Print what `recommend` would look for; `path` is where its answer would go."""
    page = Page(console)
    page.line((f"{page.name(asked.name, 60)}: what would be asked; nothing was simulated", "bold"))
    page.heading(f"Chosen among ({asked.origin})")
    for label, texts in asked.parameters.items():
        own = asked.own[label]
        shown = ", ".join(f"[{text}]" if text == own else text for text in texts)
        page.paragraph(f"{label}: {shown}")
    page.paragraph(
        f"{asked.settings:,} settings, of which {asked.at_most:,} are simulated at most, in "
        f"{asked.replications} replications or more; [ ] is what the file has",
        "dim",
    )
    for fixed in asked.fixed:
        page.paragraph(f"{fixed} (instead of the file's)", "dim")
    page.heading("What must hold")
    for text in asked.expectations:
        page.paragraph(text)
    page.heading("In these circumstances")
    for sentence in asked.circumstances:
        page.paragraph(sentence)
    page.heading("What is cheap")
    page.paragraph(f"{asked.cost}{' (the default)' if asked.is_default_cost else ''}")
    page.paragraph(f"peak: {asked.peak or 'the whole run (no load has phases)'}", "dim")
    headroom = "" if asked.headroom == "0%" else f": {asked.headroom} more load than the file has"
    page.paragraph(f"headroom{headroom or ': none (--headroom 30% asks for some)'}", "dim")
    if asked.advice:
        page.heading("Advice")
        page.items(list(asked.advice), len(asked.advice), "yellow")
    page.line(("", ""))
    replaces = ", which is there and would be replaced" if path.exists() else ""
    page.paragraph(f"The answer would go to {path}{replaces}.", "dim", indent="")
