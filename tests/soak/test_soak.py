"""Random scenarios with all invariants: some in `make test`, 5,000 by `make soak`."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from poolsim.fidelity.soak.campaign import run_campaign
from poolsim.fidelity.soak.page import coverage_table, findings, write_page

PROCESSES = 2
PROGRESS_EVERY = 50


def progress(total: int) -> Callable[[int, int], None]:
    """A line now and then; on a terminal the same line again and again."""
    started = time.monotonic()

    def tell(done: int, failed: int) -> None:
        if done % PROGRESS_EVERY and done != total:
            return
        left_s = (time.monotonic() - started) / done * (total - done)
        text = f"{done:,} of {total:,} scenarios, {failed} failed, {left_s / 60:.0f} min left"
        end = "\r" if sys.stderr.isatty() and done < total else "\n"
        print(f"{text:70}", end=end, file=sys.stderr, flush=True)

    return tell


def test_random_scenarios_keep_every_invariant_and_reach_everything(
    scenarios: int, report_folder: str | None
) -> None:
    # Under xdist the other core is busy with other tests.
    processes = 1 if "PYTEST_XDIST_WORKER" in os.environ else PROCESSES
    started = time.monotonic()
    campaign = run_campaign(range(scenarios), processes, progress(scenarios))
    print(coverage_table(campaign))
    if report_folder is not None:
        took_s = time.monotonic() - started
        print(f"\nwritten: {write_page(Path(report_folder) / 'soak', campaign, took_s)}")
    wrong = findings(campaign)
    assert not wrong, f"\n{wrong}"
