"""`poolsim recommend` and `poolsim check`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from poolsim.commands.exit_codes import OK, UsageError

if TYPE_CHECKING:
    from poolsim.planning.recommend.question import Question


@dataclass(frozen=True, slots=True)
class RecommendRequest:
    """What the user typed."""

    scenario: Path
    settings: tuple[str, ...]
    seed: int | None
    replications: int | None
    jobs: int | None
    dask: str
    out: Path | None
    as_json: bool
    headroom: str | None = None
    dry_run: bool = False


def recommend_command(request: RecommendRequest) -> int:
    """Ask, search, write the recommendation, show it."""
    from poolsim.commands.compiling import show_compiling
    from poolsim.planning.execute import Executor
    from poolsim.planning.points import from_file
    from poolsim.planning.progress import points_bar
    from poolsim.planning.recommend.document import (
        RECOMMENDATIONS,
        document_of,
        write_document,
    )
    from poolsim.planning.recommend.question import ask
    from poolsim.planning.recommend.run import recommend

    settings = [*request.settings]
    if request.seed is not None:
        settings.append(f"seed={request.seed}")
    if request.replications is not None:
        settings.append(f"replications={request.replications}")
    if request.headroom is not None:
        settings.append(f"headroom={request.headroom}")
    question = ask(from_file(request.scenario), settings)
    if request.out is not None and request.out.is_dir():
        raise UsageError(f"--out {request.out}: it is a directory; name a file")
    path = request.out or RECOMMENDATIONS / f"{question.base.name}.yaml"
    if request.dry_run:
        return _show_question(question, request, path)
    with points_bar("settings") as told:
        answer = recommend(question, Executor(request.jobs, request.dask, show_compiling), told)
    content = None
    if answer.choice is not None:
        content = document_of(answer, request.scenario, path.parent)
        write_document(content, path)
    if request.as_json:
        shown = content or {"name": question.base.name, "status": answer.status}
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        from poolsim.report.planning.recommendation_text import show_answer

        show_answer(answer, Console(), request.scenario, path if content else None)
    return answer.exit_code


def _show_question(question: Question, request: RecommendRequest, path: Path) -> int:
    """What would be asked; nothing is simulated and nothing written."""
    from poolsim.planning.recommend.asked import asked

    what = asked(question)
    if request.as_json:
        typer.echo(json.dumps(what.document(), indent=2, ensure_ascii=False))
        return OK
    from rich.console import Console

    from poolsim.report.planning.question_text import show_question

    show_question(what, Console(), path)
    return OK


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What the user typed."""

    paths: tuple[Path, ...]
    update: bool
    junit: Path | None
    summary: Path | None
    jobs: int | None


def check_command(request: CheckRequest) -> int:
    """Check every recommendation; all are looked at, also after one failed or cannot be read."""
    from poolsim.commands.compiling import show_compiling
    from poolsim.planning.check import Checked, check, overall_exit_code, recommendation_files
    from poolsim.planning.execute import Executor
    from poolsim.planning.progress import points_bar
    from poolsim.planning.recommend.document import write_document
    from poolsim.recording.whole_file import write_whole
    from poolsim.report.planning.check_report import junit_xml, lines_of, markdown_summary

    checked: list[Checked] = []
    executor = Executor(request.jobs, compiling=show_compiling)
    for path in recommendation_files(request.paths):
        with points_bar("settings") as told:
            one = check(path, executor, renew=request.update, told=told)
        if one.replacement is not None:
            write_document(one.replacement, path)
        checked.append(one)
        for line in lines_of(one):
            typer.echo(line, err=one.status == "unreadable")
    if request.junit is not None:
        write_whole(request.junit, junit_xml(checked))
    summary = request.summary or _step_summary()
    if summary is not None:
        with summary.open("a", encoding="utf-8") as file:
            file.write(markdown_summary(checked))
    return overall_exit_code(checked)


def _step_summary() -> Path | None:
    """Where GitHub takes a step's summary from."""
    name = os.environ.get("GITHUB_STEP_SUMMARY", "")
    return Path(name) if name else None
