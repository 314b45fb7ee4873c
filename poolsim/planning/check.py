"""Do recommendations still hold? The gate in continuous integration.

Where nothing that decides an answer has changed, the answer has not: that takes milliseconds.
Where something has, the question is asked again and the old choice is judged by its regret, what it
costs more than today's best under the same draws; another choice that is as good is no failure.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from poolsim.planning.execute import Executor
from poolsim.planning.points import from_file
from poolsim.planning.recommend.answer import Answer
from poolsim.planning.recommend.document import Document, document_of, read_document
from poolsim.planning.recommend.evidence import Evidence
from poolsim.planning.recommend.pairing import TOLERANCE, is_as_good, paired_difference
from poolsim.planning.recommend.question import Question, ask
from poolsim.planning.recommend.reasons import breaks_text
from poolsim.planning.recommend.run import recommend
from poolsim.planning.recommend.search import expected_runs, search, told_of_budget
from poolsim.recording.digest import inputs_hash
from poolsim.scenario.mistakes import Mistake, ScenarioError

CheckStatus = Literal["passed", "failed", "undecided", "unreadable"]
_WORST_FIRST: tuple[tuple[CheckStatus, int], ...] = (
    ("unreadable", 3),
    ("failed", 1),
    ("undecided", 4),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one recommendation. `is_unchanged`: nothing had to be simulated."""

    name: str
    path: Path
    status: CheckStatus
    message: str
    is_unchanged: bool = False
    differences: tuple[str, ...] = ()
    """What changed since it was written, as lines of a unified diff."""
    elapsed_s: float = 0.0
    replacement: dict[str, Any] | None = field(default=None, compare=False)
    """Content of a new file, where one was asked for and there is a choice."""


def overall_exit_code(checked: Sequence[Checked]) -> int:
    """3 where one cannot be read, else 1 where one failed, else 4 where one is undecided."""
    statuses = {one.status for one in checked}
    return next((code for status, code in _WORST_FIRST if status in statuses), 0)


def recommendation_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those in the folders named, in order.

    Raises ScenarioError where there is none: a gate that looks at nothing must not pass.
    """
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not found:
        shown = ", ".join(str(path) for path in paths)
        message = "there is no recommendation here: write one with `poolsim recommend`"
        raise ScenarioError([Mistake(shown, 1, 1, "", message)])
    return found


def check(
    path: Path,
    executor: Executor,
    *,
    renew: bool = False,
    told: Callable[[int, int], None] | None = None,
) -> Checked:
    """Check one file, also one that is no recommendation or whose scenario has mistakes.

    `renew`: also make the content that would replace it.
    """
    started = time.perf_counter()
    try:
        checked = _checked(read_document(path), executor, renew, told)
    except ScenarioError as error:
        checked = Checked(path.stem, path, "unreadable", str(error))
    object.__setattr__(checked, "elapsed_s", time.perf_counter() - started)
    return checked


def _checked(
    document: Document,
    executor: Executor,
    renew: bool,
    told: Callable[[int, int], None] | None,
) -> Checked:
    name, path = document.name, document.path
    if not document.is_untouched and not renew:
        message = "edited by hand: what it says is not what was found; run poolsim recommend"
        return Checked(name, path, "failed", message)
    question = ask(from_file(document.scenario), document.settings)
    differences = tuple(differences_of(document, question))
    if document.is_untouched and document.content["inputs"] == question.inputs:
        return Checked(name, path, "passed", "unchanged", is_unchanged=True)
    checked = _judged(document, question, executor, differences, told)
    if not renew:
        return checked
    answer = recommend(question, executor, told, _known_numbers(document, question))
    return _renewed(checked, answer, document)


def _judged(
    document: Document,
    question: Question,
    executor: Executor,
    differences: tuple[str, ...],
    told: Callable[[int, int], None] | None,
) -> Checked:
    name, path = document.name, document.path
    number = question.number_of(document.choice)
    if number is None or question.loaded(number).scenario is None:
        reason = "" if number is None else f": {question.loaded(number).refusal}"
        message = f"the choice is no longer among the settings to choose from{reason}"
        return Checked(name, path, "failed", message, differences=differences)
    executor.get_ready(question.base, expected_runs(question))
    evidence = Evidence(question, executor, told_of_budget(told))
    evidence.consider([number], float("inf"))
    old = evidence.judge(number)
    if old.status == "failed":
        message = f"the choice breaks {breaks_text(question, evidence, number)}"
        return Checked(name, path, "failed", message, differences=differences)
    if old.status == "inconclusive":
        message = f"undecided: {breaks_text(question, evidence, number)}"
        return Checked(name, path, "undecided", message, differences=differences)
    found = search(question, evidence, _known_numbers(document, question))
    assert found.best is not None, "the old choice holds"
    extra = paired_difference(old.costs, found.best.costs)
    regret = extra.mean / abs(found.best.cost.mean) if found.best.cost.mean else 0.0
    values = question.loaded(found.best.number).point.texts
    best_text = ", ".join(
        f"{one.short_label} {text}"
        for one, text in zip(question.space.parameters, values, strict=True)
    )
    if is_as_good(extra, found.best.cost.mean):
        message = f"inputs changed; the choice still holds (regret {max(regret, 0.0):.1%})"
        return Checked(name, path, "passed", message, differences=differences)
    message = (
        f"the choice costs {regret:.0%} more than it must (at most {TOLERANCE:.0%}): best today is "
        f"{best_text}"
    )
    return Checked(name, path, "failed", message, differences=differences)


def _known_numbers(document: Document, question: Question) -> tuple[int, ...]:
    """Points of the old answer that today's space still has, the choice first."""
    numbers = [question.number_of(one) for one in [document.choice, *document.near_optimal]]
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


def _renewed(checked: Checked, answer: Answer, document: Document) -> Checked:
    if answer.choice is None:
        return checked
    content = document_of(answer, document.scenario, document.path.parent)
    changes = [
        f"{label}: {document.choice.get(label, 'nothing')} -> {value}"
        for label, value in answer.choice.values.items()
        if document.choice.get(label) != value
    ]
    message = f"renewed: {'; '.join(changes)}" if changes else "renewed: the same choice"
    return Checked(
        checked.name,
        checked.path,
        "passed",
        f"{message} (before: {checked.message})",
        differences=checked.differences,
        replacement=content,
    )


def differences_of(document: Document, question: Question) -> list[str]:
    """What changed since: of the resolved scenario line by line, of the rest in a word."""
    found = list(
        difflib.unified_diff(
            str(document.content.get("resolved", "")).splitlines(),
            question.resolved.splitlines(),
            "when it was written",
            "today",
            lineterm="",
            n=0,
        )
    )
    if document.content.get("model") != inputs_hash(""):
        versions = document.content.get("versions", {})
        said = ", ".join(f"{name} {version}" for name, version in versions.items())
        found.append(f"the model or a version changed (written with {said})")
    return found
