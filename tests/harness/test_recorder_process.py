"""The few lines that every recorder program speaks, said by small programs."""

import os
import sys
import time
from pathlib import Path

import pytest

from poolsim.harness import processes
from poolsim.harness.drivers import process
from poolsim.harness.place import NAME_VARIABLE

READY = (
    """print('{"ready": true, "driver_version": "1.2.3", "start_ns_proposed": 77}', flush=True)"""
)


@pytest.fixture(autouse=True)
def _own_harness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME_VARIABLE, "test-recorder-process")


def recorder(*lines: str) -> process.RecorderProcess:
    return process.start("the recorder", [sys.executable, "-c", "\n".join(lines)])


def test_a_run_from_ready_to_done(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    with recorder(
        "import pathlib",
        READY,
        f"pathlib.Path({str(heard)!r}).write_text(input())",
        """print('{"done": true, "requests": 9}')""",
    ) as running:
        ready = running.ready(10)
        assert ready.driver_version == "1.2.3"
        assert ready.start_ns_proposed == 77
        assert ready.cleanup_origin_ns is None
        running.begin(123)
        assert running.done(10)["requests"] == 9
    assert heard.read_text() == '{"start_ns": 123}'


def test_an_early_end_tells_status_and_stderr() -> None:
    with (
        recorder("import sys", "sys.exit('options.core is wrong')") as running,
        pytest.raises(process.RecorderFailed) as failed,
    ):
        running.ready(10)
    assert failed.value.status == 1
    assert "the recorder ended before it was ready (exit status 1)" in str(failed.value)
    assert str(failed.value).endswith("options.core is wrong")


def test_only_the_tail_of_stderr_is_told() -> None:
    with (
        recorder(
            "import sys", "for n in range(50000): print('line', n, file=sys.stderr)"
        ) as running,
        pytest.raises(process.RecorderFailed) as failed,
    ):
        running.ready(10)
    told = str(failed.value).splitlines()
    assert len(told) == 1 + process.TAIL_LINES
    assert told[-1] == "line 49999"


def test_silence_ends_after_the_timeout_and_leaves_no_process() -> None:
    began = time.monotonic()
    with (
        recorder("import time", "time.sleep(60)") as running,
        pytest.raises(process.RecorderFailed, match=r"was not ready within 0\.2 s"),
    ):
        running.ready(0.2)
    assert time.monotonic() - began < 10
    assert running.pid not in processes.running()


@pytest.mark.parametrize("said", ["hello", "[1]", '{"ready": false}', '{"ready": true}'])
def test_other_words_than_expected(said: str) -> None:
    with (
        recorder(f"print({said!r}, flush=True)", "input()") as running,
        pytest.raises(process.RecorderFailed, match="the recorder said"),
    ):
        running.ready(10)


def test_an_end_between_ready_and_begin() -> None:
    with recorder(READY) as running:
        running.ready(10)
        time.sleep(0.5)
        with pytest.raises(process.RecorderFailed, match="ended before the run"):
            running.begin(1)


def test_precedence_is_of_every_thread_but_compilers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[int] = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda thread, *_: given.append(thread))
    with recorder(
        "import pathlib, threading, time",
        "def compile():",
        "    pathlib.Path('/proc/thread-self/comm').write_text('C2 CompilerThre')",
        "    ready.wait(); time.sleep(60)",
        "ready = threading.Barrier(2)",
        "threading.Thread(target=compile, daemon=True).start()",
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "ready.wait()",
        READY,
        "input()",
    ) as running:
        running.ready(10)
        assert running.take_precedence()
        threads = {int(name) for name in os.listdir(f"/proc/{running.pid}/task")}
        assert len(threads) == 3
        assert set(given) < threads
        assert len(given) == 2
        assert running.pid in given


def test_precedence_that_is_not_allowed_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with recorder(READY, "input()", """print('{"done": true}')""") as running:
        running.ready(10)
        assert not running.take_precedence()
        running.begin(1)
        assert running.done(10) == {"done": True}


def test_done_with_another_status_is_no_success() -> None:
    with recorder(
        READY, "input()", """print('{"done": true}', flush=True)""", "exit(4)"
    ) as running:
        running.ready(10)
        running.begin(1)
        with pytest.raises(process.RecorderFailed, match="status 4") as failed:
            running.done(10)
    assert failed.value.status == 4


def test_lines_that_come_in_pieces() -> None:
    with recorder(
        "import sys, time",
        """pieces = ['{"ready": true, ', '"driver_version": "x"}\\n', '{"done"', ': true}\\n']""",
        "for piece in pieces:",
        "    sys.stdout.write(piece); sys.stdout.flush(); time.sleep(0.05)",
    ) as running:
        assert running.ready(10).driver_version == "x"
        assert running.done(10) == {"done": True}
