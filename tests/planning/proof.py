"""Ten questions answered by `recommend` and by trying everything; a dated page of the comparison.

    python -m tests.planning.proof --report reports        (`make proof`)

Each point's truth is kept in a journal as soon as it is known, so that a proof that was ended goes
on where it was. The journal belongs to one state of the model and of the question: another one has
another name.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

from poolsim.estimation import intervals, verdicts
from poolsim.planning import evaluate
from poolsim.planning.execute import Executor
from poolsim.planning.journal import Journal
from poolsim.planning.recommend import evidence
from poolsim.planning.recommend.question import Question
from poolsim.planning.recommend.run import recommend
from tests.planning.exhaustive import Comparison, Truth, compared, question_of, try_everything
from tests.planning.proof_page import write_page
from tests.planning.ten_questions import QUESTIONS, TenthQuestion

Tell = Callable[[int, int], None]

JUDGES = (evaluate, evidence, intervals, verdicts)
"""Modules that make a point's status of its runs; the model itself is in a question's inputs."""


class OutOfTime(Exception):
    """The time that was given is used up; what is known is kept."""


def known_truth(question: Question, executor: Executor, folder: Path, tell: Tell) -> Truth:
    """The truth of a question, of which what is in the journal is not simulated again."""
    judges = "".join(inspect.getsource(module) for module in JUDGES)
    key = hashlib.blake2b((question.inputs + judges).encode(), digest_size=8).hexdigest()
    about = {"question": question.base.name, "key": key, "points": len(question.space)}
    with Journal(folder / f"{key}.journal", about) as journal:
        known = {int(key): (status, cost) for key, (status, cost) in journal.entries.items()}

        def keep(number: int, status: str, cost: float) -> None:
            journal.append(str(number), [status, cost])

        return try_everything(question, executor, known, keep, tell)


def answered(one: TenthQuestion, executor: Executor, folder: Path, tell: Tell) -> Comparison:
    """The truth of a question, from the journal where it is there, and a fresh answer beside it."""
    truth = known_truth(question_of(one), executor, folder, tell)
    return compared(one, truth, recommend(question_of(one), executor, tell))


def main() -> int:
    """0: all ten within the bars; 1: not; 4: out of time, run it again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path, help="write a dated page into this folder")
    parser.add_argument("--kept", type=Path, default=Path("build/proof"), help="where journals go")
    parser.add_argument("--jobs", type=int, default=2)
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
            found.append(answered(one, executor, given.kept, tell))
        except OutOfTime:
            print("out of time: the same command goes on from here", file=sys.stderr)
            return 4
        print(found[-1], flush=True)
    if given.report is not None:
        print(f"written: {write_page(given.report / 'recommend', found)}")
    return 0 if all(one.is_within_bars for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
