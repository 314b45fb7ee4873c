"""A recommendation in the terminal: the choice, its margins, and why."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console

from poolsim.estimation.results import Estimate
from poolsim.planning.recommend.answer import Answer, Setting
from poolsim.planning.recommend.in_the_driver import in_the_driver
from poolsim.planning.recommend.pairing import TOLERANCE
from poolsim.planning.recommend.question import Question
from poolsim.planning.recommend.variants import NODE_LOST
from poolsim.report.terminal import COLOURS, Page
from poolsim.report.units import estimate_text, interval
from poolsim.scenario.units import format_share

MOST_NEAR = 6
AMPLE = 1.5
"""Bears so many times the load: nobody needs to be told how to ask for more."""


def show_answer(answer: Answer, console: Console, scenario: Path, written: Path | None) -> None:
    """Print an answer; `scenario` and `written` are the files it came from and went to."""
    page = Page(console)
    _head(page, answer)
    if answer.choice is not None:
        for line in in_the_driver(answer.question, answer.choice.number):
            page.paragraph(f"in the driver: {line}")
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
    page.paragraph(f"peak: {question.peak or 'the whole run'}{_headroom(question)}", "dim")


def _headroom(question: Question) -> str:
    """How much more load than the file's all of this is for; "" where it is the file's."""
    share = question.base.plan.headroom
    return f", with {format_share(share)} more load than the file has" if share else ""


def _bold(status: str) -> str:
    return f"bold {COLOURS[status]}"


def _margins(page: Page, answer: Answer) -> None:
    page.heading("Expectations")
    for one in answer.margins:
        mark = page.symbols.marks[one.verdict.status]
        left = "" if one.share is None else f", {_left_of_limit(one.share)}"
        text = f"{one.verdict.text}  {estimate_text(one.verdict.estimate, page.symbols.plus_minus)}"
        page.paragraph(f"{text}{left}; {one.variant}", first=f"  {mark} ")


def _left_of_limit(share: float) -> str:
    percent = f"{abs(share):.0%}"
    if percent == "0%":
        return "at the limit"
    return f"{percent} from the limit" if share > 0 else f"{percent} beyond the limit"


def _bearing(page: Page, answer: Answer) -> None:
    if answer.holds_to is None:
        return
    if answer.breaks_at is None:
        page.paragraph(f"It still holds at x{answer.holds_to:.4g} of all loads.")
    else:
        held = f"x{answer.holds_to:.4g}" if answer.holds_to > 1 else "the load as it is"
        page.paragraph(
            f"It holds up to {held}, and no more at x{answer.breaks_at:.4g} of all loads: that "
            f"breaks {answer.breaks}."
        )
    if not answer.question.base.plan.headroom and answer.holds_to < AMPLE:
        page.paragraph(
            "For settings that bear more, ask with --headroom 30% (or headroom: 30% in the file).",
            "dim",
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
    left_out = [NODE_LOST] * (NODE_LOST in [one.name for one in question.variants])
    left_out += ["with its headroom"] * bool(question.base.plan.headroom)
    page.line(("", ""))
    if left_out:
        page.line((f"in normal operation (not {', nor '.join(left_out)}):", "dim"))
    page.line((shlex.join(words), "bold"))


def _values(one: Setting) -> str:
    return ", ".join(f"{label.rpartition('.')[2]} {value}" for label, value in one.values.items())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
