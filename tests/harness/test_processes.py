"""Nothing the harness starts outlives it: each of the three nets alone."""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poolsim.harness import place, processes

# Long enough to be caught alive, short enough to be gone should a test fail.
SLEEP = ["sleep", "60"]
STARTER = """
import sys, time
from poolsim.harness import processes
print(processes.start({arguments!r}).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_name(monkeypatch):
    """No process of another harness on this machine is ever looked at."""
    monkeypatch.setenv(place.NAME_VARIABLE, f"test-{secrets.token_hex(4)}")
    yield
    processes.kill_all()


def wait_until(condition, within_s=10.0):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def program_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def starter(arguments: list[str]) -> tuple["subprocess.Popen[str]", int]:
    """A program that starts a process of the harness; with the latter's id."""
    program = STARTER.format(arguments=arguments)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.stdout.close()
    wait_until(lambda: program_of(pid) == os.path.basename(arguments[0]))
    return process, pid


def test_arguments_pipes_directory_and_environment_arrive(tmp_path):
    with processes.started(
        ["sh", "-c", 'read line; echo "$line $WORD $0"; pwd', "it's"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        directory=tmp_path,
        environment={"WORD": "grüße"},
    ) as process:
        out, _ = process.communicate("one two\n", timeout=10)
    assert out.splitlines() == ["one two grüße it's", str(tmp_path)]
    assert process.returncode == 0


def test_a_missing_program_is_named():
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        processes.start(["no-such-program"])


def test_the_exit_status_is_the_programs_own():
    with processes.started(["sh", "-c", "exit 3"]) as process:
        assert process.wait(10) == 3


def test_sigpipe_ends_a_program_as_it_should():
    with processes.started(["sh", "-c", "kill -PIPE $$; sleep 60"]) as process:
        assert process.wait(10) == -signal.SIGPIPE


def test_leaving_the_block_ends_the_process_and_what_it_started():
    script = "sleep 60 & echo $!; wait"
    with processes.started(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert is_running(child)
    assert process.returncode == -signal.SIGTERM
    wait_until(lambda: not is_running(child))


def test_what_does_not_heed_sigterm_is_killed():
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    process = processes.start(["sh", "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert processes.end(process, grace_s=0.2) == -signal.SIGKILL
    assert processes.end(process) == -signal.SIGKILL


def test_the_kernel_kills_it_with_its_starter():
    process, pid = starter(SLEEP)
    process.kill()
    process.wait()
    wait_until(lambda: not is_running(pid))


def test_kill_all_finds_descendants_whose_starter_was_killed():
    # In a session and group of its own: neither the kernel's signal nor a group's reaches it.
    process, pid = starter(["setsid", "--fork", *SLEEP])
    wait_until(lambda: any(program_of(found) == "sleep" for found in processes.running()))
    process.kill()
    process.wait()
    (orphan,) = [found for found in processes.running() if found != pid]
    assert processes.kill_all(which="orphans") == [orphan]
    assert not is_running(orphan)
    assert processes.running() == []


def test_orphans_only_spares_what_has_a_starter():
    with processes.started(SLEEP) as process:
        assert processes.kill_all(which="orphans") == []
        assert process.poll() is None
        assert processes.kill_all() == [process.pid]
        assert process.wait(10) == -signal.SIGKILL


def test_own_is_what_this_process_started():
    other, pid = starter(SLEEP)
    with processes.started(["sh", "-c", "sleep 60 & wait"]) as process:
        wait_until(lambda: len(processes.running()) == 3)
        assert process.pid in (killed := processes.kill_all(which="own"))
        assert len(killed) == 2
        assert pid not in killed
        assert processes.running() == [pid]
    other.kill()
    other.wait()


def test_kill_all_spares_the_caller_and_its_ancestors():
    program = "from poolsim.harness import processes; print(processes.kill_all())"
    with processes.started([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=30)
    assert (out, process.returncode) == ("[]\n", 0)


def test_kill_all_spares_another_harness(monkeypatch):
    with processes.started(SLEEP) as process:
        with monkeypatch.context() as other:
            other.setenv(place.NAME_VARIABLE, f"test-{secrets.token_hex(4)}")
            assert processes.kill_all() == []
        assert process.poll() is None


def test_an_identity_is_alive_as_long_as_its_process():
    with processes.started(SLEEP) as process:
        # Empty for an instant while the program takes the launcher's place.
        variables: dict[str, str] = {}
        deadline = time.monotonic() + 10
        while processes.STARTER not in variables and time.monotonic() < deadline:
            variables = dict(
                entry.split("=", 1)
                for entry in Path(f"/proc/{process.pid}/environ").read_text().split("\0")
                if "=" in entry
            )
        assert variables[processes.STARTER] == processes.identity()
    assert processes.is_alive(processes.identity())
    pid, _, started = processes.identity().partition(".")
    assert not processes.is_alive(f"{pid}.{int(started) + 1}")
    assert not processes.is_alive("")
