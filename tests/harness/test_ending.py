"""SIGTERM and SIGINT run the cleaning, once and whole."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from poolsim.harness import ending


def send(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_becomes_an_exception_and_handlers_return(number):
    # Where the tests run in the background, SIGINT and SIGHUP may be ignored, and stay so.
    outside = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(ending.Ended), ending.by_signals():
            send(number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, outside)


def test_a_signal_that_was_ignored_stays_ignored():
    outside = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending.by_signals():
            send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, outside)


def test_a_held_signal_comes_after_the_block():
    seen = []

    @ending.by_signals()
    def work():
        with ending.held(), ending.held():
            send()
            seen.append("whole")
        seen.append("never")

    with pytest.raises(ending.Ended):
        work()
    assert seen == ["whole"]


def test_signals_during_the_cleaning_do_not_cut_it():
    seen = []

    @ending.by_signals()
    def work():
        try:
            send()
        finally:
            with ending.held():
                send(signal.SIGINT)
                send(signal.SIGTERM)
                seen.append("cleaned")

    with pytest.raises(ending.Ended):
        work()
    assert seen == ["cleaned"]


def test_an_error_in_a_held_block_goes_on_and_the_signal_is_spent():
    @ending.held()
    def fail():
        send()
        raise ValueError("first")

    with ending.by_signals():
        with pytest.raises(ValueError, match="first"):
            fail()
        with ending.held():
            pass


def test_nested_blocks_listen_until_the_outermost_ends():
    @ending.by_signals()
    def work():
        with ending.by_signals():
            pass
        send()

    with pytest.raises(ending.Ended):
        work()


def test_other_threads_are_left_alone():
    seen = []

    def work() -> None:
        with ending.by_signals(), ending.held():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_what_was_ignored_stays_ignored():
    program = (
        "import os, signal\n"
        "from poolsim.harness import ending\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with ending.by_signals():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('went on')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "went on\n"
