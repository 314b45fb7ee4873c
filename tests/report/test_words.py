"""What a result says in sentences."""

import dataclasses
import math

import pytest

from poolsim.estimation.results import Estimate, Results, Stall, Verdict
from poolsim.model.kinds import NOTE_NAMES
from poolsim.report import words
from poolsim.report.summaries import client_summaries, fault_times
from poolsim.scenario.scenario import Change, Fault


def with_statuses(results: Results, *statuses: str) -> Results:
    verdicts = tuple(
        Verdict("latency.p99 < 20ms", status, Estimate(0.01, math.nan, 1, "s"), 0.02)  # type: ignore[arg-type]
        for status in statuses
    )
    return dataclasses.replace(results, verdicts=verdicts)


@pytest.mark.parametrize(
    ("statuses", "status", "text"),
    [
        ((), "none", "Finished: the scenario states no expectation"),
        (("passed",), "passed", "Passed: the expectation holds"),
        (("passed", "passed"), "passed", "Passed: all 2 expectations hold"),
        (("failed",), "failed", "Failed: 1 of 1 expectation does not hold"),
        (
            ("failed", "inconclusive", "failed"),
            "failed",
            "Failed: 2 of 3 expectations do not hold, 1 undecided",
        ),
        (
            ("passed", "inconclusive"),
            "inconclusive",
            "Inconclusive: 1 of 2 expectations is undecided after 1\u00a0run",
        ),
    ],
)
def test_the_headline_is_the_worst_verdict(
    staircase: Results, statuses: tuple[str, ...], status: str, text: str
) -> None:
    headline = words.headline(with_statuses(staircase, *statuses))
    assert (headline.status, headline.text) == (status, text)


def test_a_stall_says_why() -> None:
    stall = Stall("api", "dc1/1", 12.0, 40.0, 5.0, 8.0, 256.0)
    assert words.stall_text(stall).replace("\u00a0", " ") == (
        "api's pool to dc1/1 stalled from 12.0 s to 40.0 s with 5 of 8 connections: its "
        "acquisition queue was never empty (up to 256 requests in it), so every released stream "
        "went to a waiter and the growth rule was never evaluated"
    )
    mean = dataclasses.replace(stall, active=4.625)
    assert "with 4.6\u00a0of\u00a08" in words.stall_text(mean)


def test_the_answer_names_what_is_wrong(node_failure: Results) -> None:
    summaries = client_summaries(node_failure)
    text = " ".join(words.answer(node_failure, summaries, fault_times(summaries)))
    assert "Does not hold: rejected == 0 (it is 312 ± 31)." in text
    assert "Did not recover: batch to dc1/3 (not recovered: no borrow since the fault)." in text
    assert "A pool stalled: api to dc1/5." in text
    assert "312 rejected and 41 failed" in text


def test_an_answer_without_estimates_is_still_a_sentence(quiet: Results) -> None:
    summaries = client_summaries(quiet)
    assert words.answer(quiet, summaries, fault_times(summaries)) == [
        "api (java3) finished no request."
    ]


def test_every_kind_of_event_has_words() -> None:
    assert set(words.EVENT_WORDS) == set(NOTE_NAMES)
    for kind in NOTE_NAMES:
        assert isinstance(words.event_detail(kind, 2), str)
    assert words.event_detail("growth", 229) == "229 in flight"
    assert words.event_detail("reconnection_failed", 2_000_000_000) == "next in 2.00s"
    assert words.event_text("made_up") == "made up"


def test_faults_and_changes_in_words() -> None:
    slow = Fault(60_000_000_000, 0, 0, "dc1/1", "slow", 5.0)
    assert words.fault_text(slow).replace("\u00a0", " ") == "dc1/1 slow (x5) from 60.0 s to the end"
    change = Change(90_000_000_000, "api", "pool_timeout", 5_000_000)
    assert words.change_text(change).replace("\u00a0", " ") == (
        "api: pool_timeout = 5.00ms at 90.0 s"
    )


def test_only_a_replayed_driver_is_called_replayed(staircase: Results, faint: Results) -> None:
    (java,) = words.validity(staircase.scenario)
    (python,) = words.validity(faint.scenario)
    assert "replayed against recorded traces of Java driver 3.11.5" in java
    assert "not replayed" in python
    clients = tuple(
        dataclasses.replace(client, driver="nodejs") for client in faint.scenario.clients
    )
    (nodejs,) = words.validity(dataclasses.replace(faint.scenario, clients=clients))
    assert "replayed against recorded traces of Node.js driver 4.8.0" in nodejs
    for line in (java, python, nodejs):
        assert "performance not yet compared with a live cluster in this version" in line
