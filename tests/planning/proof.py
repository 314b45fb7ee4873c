"""Ten questions answered by `recommend` and by trying everything; a dated page of the comparison.

    python -m tests.planning.proof --report reports        (`make proof`)

What is known of each point is kept in a journal at once, so that a proof that was ended goes on
where it was. A journal belongs to one state of the question, the model and the planning: of another
state it has another name.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import poolsim
from poolsim.planning.execute import Executor
from poolsim.planning.journal import Journal
from poolsim.planning.recommend.question import Question
from poolsim.planning.recommend.run import recommend
from tests.planning.exhaustive import (
    Comparison,
    choice_of,
    compared,
    question_of,
    try_everything,
)
from tests.planning.proof_page import write_page
from tests.planning.ten_questions import QUESTIONS, TenthQuestion

ANSWER = "answer"
SOURCES = Path(poolsim.__file__).parent
JUDGES = [
    SOURCES / "planning" / "evaluate.py",
    SOURCES / "planning" / "recommend" / "evidence.py",
    SOURCES / "estimation" / "intervals.py",
    SOURCES / "estimation" / "verdicts.py",
]
"""What makes a point's status of its runs; the model itself is in a question's inputs."""
SEARCH = sorted((SOURCES / "planning").rglob("*.py"))
"""What makes an answer, besides."""

Tell = Callable[[int, int], None]


class OutOfTime(Exception):
    """The time that was given is used up; what is known is kept."""


def journal(question: Question, folder: Path, what: str, sources: list[Path]) -> Journal:
    """The journal of what is known of a question by today's model and sources."""
    text = "".join([question.inputs, *(path.read_text() for path in sources)])
    key = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    about = {"question": question.base.name, "key": key, "points": len(question.space)}
    return Journal(folder / f"{what}-{key}.journal", about)


def answered(one: TenthQuestion, executor: Executor, folder: Path, tell: Tell) -> Comparison:
    """The truth of a question and the answer beside it, as far as they are kept from there."""
    question = question_of(one)
    with journal(question, folder, "truth", JUDGES) as kept:
        known = {int(key): (status, cost) for key, (status, cost) in kept.entries.items()}

        def keep(number: int, status: str, cost: float) -> None:
            kept.append(str(number), [status, cost])

        truth = try_everything(question, executor, known, keep, tell)
    with journal(question, folder, "answer", JUDGES + SEARCH) as kept:
        if ANSWER not in kept.entries:
            answer = recommend(question_of(one), executor, tell)
            kept.append(ANSWER, [choice_of(answer), answer.simulated])
        number, simulated = kept.entries[ANSWER]
    return compared(one, truth, number, simulated)


def main() -> int:
    """0: all ten within the bars; 1: not; 4: out of time, run it again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path, help="write a dated page into this folder")
    parser.add_argument("--kept", type=Path, default=Path("build/proof"), help="where journals go")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="other draws: other questions")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end after so long")
    given = parser.parse_args()
    until = time.monotonic() + given.minutes * 60

    found = []
    executor = Executor(given.jobs)
    for one in QUESTIONS:

        def tell(done: int, total: int, name: str = one.name) -> None:
            print(f"{name}: {done:,} of {total:,} settings", file=sys.stderr, flush=True)
            if time.monotonic() > until:
                raise OutOfTime

        try:
            found.append(answered(one.seeded(given.seed), executor, given.kept, tell))
        except OutOfTime:
            print("out of time: the same command goes on from here", file=sys.stderr)
            return 4
        print(found[-1], flush=True)
    if given.report is not None:
        print(f"written: {write_page(given.report / 'recommend', found)}")
    return 0 if all(one.is_within_bars for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
