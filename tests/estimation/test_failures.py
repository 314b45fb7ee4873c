"""Failed requests in words, with each host's error."""

import numpy as np

from poolsim.estimation.failures import in_words
from poolsim.model import kinds
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import MILLISECOND, SECOND


def row(**columns: int) -> runs.Rows:
    return runs.request_rows(np.array([2 * SECOND]), np.array([5 * MILLISECOND]), **columns)[0]


SCENARIO = runs.scenario(clients=(runs.client("api", 2), runs.client("batch", 2)))


def test_each_host_says_why() -> None:
    failed = row(
        number=17,
        session=3,
        outcome=kinds.NO_HOST_AVAILABLE,
        attempts=2,
        error_kinds=kinds.BUSY_QUEUE_FULL | kinds.LOST << 4,
        error_hosts=1 | 3 << 10,
    )
    assert in_words(failed, SCENARIO) == (
        "batch[1] request 17 at 2 s failed after 5 ms: NoHostAvailable "
        "(dc1/1: pool is busy: queue full; dc1/3: connection lost)"
    )


def test_what_six_errors_do_not_hold_is_counted() -> None:
    six = sum(kinds.LOST << 4 * place for place in range(6))
    hosts = sum(2 << 10 * place for place in range(6))
    failed = row(outcome=kinds.NO_HOST_AVAILABLE, attempts=9, error_kinds=six, error_hosts=hosts)
    assert in_words(failed, SCENARIO).endswith("dc1/2: connection lost; and 3 more)")


def test_without_noted_errors_the_node_or_nothing_is_named() -> None:
    timed_out = row(outcome=kinds.CLIENT_TIMEOUT, node=1)
    assert in_words(timed_out, SCENARIO).endswith("client timeout (on dc1/2)")
    nowhere = row(outcome=kinds.NO_HOST_AVAILABLE, node=-1, attempts=0)
    assert in_words(nowhere, SCENARIO).endswith("NoHostAvailable (no host was tried)")
