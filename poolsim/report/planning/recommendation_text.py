"""A recommendation in the terminal: the choice, its margins, and why."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console

from poolsim.estimation.results import Estimate
from poolsim.planning.recommend.answer import Answer, Setting
from poolsim.planning.recommend.pairing import TOLERANCE
from poolsim.report.terminal import COLOURS, Page
from poolsim.report.units import estimate_text, interval

MOST_NEAR = 6


def show_answer(answer: Answer, console: Console, scenario: Path, written: Path | None) -> None:
    """Print an answer; `scenario` and `written` are the files it came from and went to."""
    page = Page(console)
    _head(page, answer)
    _margins(page, answer)
    _bearing(page, answer)
    if answer.reasons:
        page.heading("What binds")
        page.items([_sentence(text) for text in answer.reasons], 6)
    _steps(page, answer)
    _near(page, answer)
    if answer.undecided:
        page.heading("Not decided; these would be cheaper, or the only ones")
        page.items([_values(one) for one in answer.undecided], 5)
    for title, texts in (("Advice", answer.advice), ("Warnings", answer.warnings)):
        if texts:
            page.heading(title)
            page.items([_sentence(text) for text in texts], 12, "yellow")
    _foot(page, answer, scenario, written)


def _head(page: Page, answer: Answer) -> None:
    question = answer.question
    circumstances = " and ".join(variant.name for variant in question.variants)
    name = page.name(question.base.name, 60)
    if answer.choice is not None:
        page.line(
            (f"{page.symbols.marks['passed']} {name}: {_values(answer.choice)}", _bold("passed"))
        )
        page.paragraph(
            f"The cheapest setting that meets every expectation {circumstances}, with 95 % "
            f"confidence: cost {interval(answer.choice.cost, page.symbols.plus_minus)}."
        )
    else:
        assert answer.nearest is not None, "something was simulated"
        status = "failed" if answer.status == "none" else "inconclusive"
        what = (
            f"nothing found that meets every expectation {circumstances}"
            if answer.status == "none"
            else "undecided: more replications are needed"
        )
        page.line((f"{page.symbols.marks[status]} {name}: {what}", _bold(status)))
        page.paragraph(f"Nearest: {_values(answer.nearest)}.")
    page.paragraph(f"cost: {question.cost.text}", "dim")
    page.paragraph(f"peak: {question.peak or 'the whole run'}", "dim")


def _bold(status: str) -> str:
    return f"bold {COLOURS[status]}"


def _margins(page: Page, answer: Answer) -> None:
    page.heading("Expectations")
    for one in answer.margins:
        mark = page.symbols.marks[one.verdict.status]
        left = ""
        if one.share is not None:
            left = (
                f", {one.share:.0%} of the limit left"
                if one.share >= 0
                else (f", {-one.share:.0%} beyond the limit")
            )
        text = f"{one.verdict.text}  {estimate_text(one.verdict.estimate, page.symbols.plus_minus)}"
        page.paragraph(f"{text}{left}; {one.variant}", first=f"  {mark} ")


def _bearing(page: Page, answer: Answer) -> None:
    if answer.holds_to is None:
        return
    if answer.breaks_at is None:
        page.paragraph(f"It still holds at x{answer.holds_to:g} of all loads.")
    else:
        held = f"x{answer.holds_to:g}" if answer.holds_to > 1 else "the load as it is"
        page.paragraph(
            f"It holds up to {held}, and no more at x{answer.breaks_at:g} of all loads: that "
            f"breaks {answer.breaks}."
        )


def _steps(page: Page, answer: Answer) -> None:
    if not answer.steps:
        return
    page.heading("One step smaller")
    texts = []
    for one in answer.steps:
        label = one.label.rpartition(".")[2]
        outcome = (
            f"breaks {one.breaks}" if one.breaks else f"holds too, and saves {_saving(one.saves)}"
        )
        texts.append(f"{label} {one.to_value} instead of {one.from_value} {outcome}")
    page.items(texts, 12)


def _saving(saves: Estimate) -> str:
    small = abs(saves.mean) < 1e-3
    return "nothing" if small else f"{saves.mean:.3g}"


def _near(page: Page, answer: Answer) -> None:
    others = answer.near_optimal[1:]
    if not others:
        return
    page.heading(f"As good (within {TOLERANCE:.0%} of the cost, or not told apart)")
    page.items([_values(one) for one in others[:MOST_NEAR]], MOST_NEAR)
    if len(others) > MOST_NEAR:
        page.line((f"    and {len(others) - MOST_NEAR} more (in the file)", "dim"))


def _foot(page: Page, answer: Answer, scenario: Path, written: Path | None) -> None:
    question = answer.question
    page.line(("", ""))
    page.paragraph(
        f"{answer.simulated:,} of {len(question.space):,} settings simulated, the choice in "
        f"{answer.replications} replications",
        "dim",
        indent="",
    )
    if written is not None:
        page.line((f"written to {written}", "dim"))
    chosen = answer.choice or answer.nearest
    assert chosen is not None, "something was simulated"
    words = ["poolsim", "run", str(scenario), "--replications", str(answer.replications)]
    for override in chosen.overrides:
        words += ["--set", override]
    page.line(("", ""))
    page.line((shlex.join(words), "bold"))


def _values(one: Setting) -> str:
    return ", ".join(f"{label.rpartition('.')[2]} {value}" for label, value in one.values.items())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
