"""Which engine runs, and what the user is told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from poolsim.engine import choice
from poolsim.engine.choice import COMPILING_PAYS_FROM, LOADING_PAYS_FROM, NotReady, choose, prepare
from poolsim.engine.expected import expected_requests
from poolsim.engine.run import simulate
from poolsim.fidelity.generator import generate
from poolsim.machine_code import cache
from poolsim.recording.recorder import Recorder
from poolsim.scenario.load import load
from poolsim.scenario.scenario import Scenario

WORKLOAD = Path(__file__).parents[2] / "benchmarks" / "workload_w.yaml"
RATE_PER_S = 5000


def of_requests(count: float) -> Scenario:
    return load(WORKLOAD, [f"duration={count / RATE_PER_S:.6f}s"])


@pytest.fixture
def numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "numba_is_there", lambda: True)


@pytest.fixture
def no_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "numba_is_there", lambda: False)


@pytest.mark.usefixtures("numba")
@pytest.mark.parametrize(
    ("requests", "kept", "engine"),
    [
        (LOADING_PAYS_FROM / 2, True, "simpy"),
        (LOADING_PAYS_FROM * 2, True, "compiled"),
        (LOADING_PAYS_FROM * 2, False, "simpy"),
        (COMPILING_PAYS_FROM / 2, False, "simpy"),
        (COMPILING_PAYS_FROM * 2, False, "compiled"),
    ],
)
def test_auto_weighs_what_loading_and_compiling_cost(
    requests: float, kept: bool, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "is_kept", lambda _: kept)
    assert choose(of_requests(requests), "auto") == choice.Choice(engine)


@pytest.mark.usefixtures("numba")
def test_replications_count_as_far_as_they_do_not_run_side_by_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "is_kept", lambda _: False)
    monkeypatch.setattr(choice.os, "cpu_count", lambda: 4)
    scenario = of_requests(COMPILING_PAYS_FROM / 4)
    assert choose(scenario, "auto", replications=4).engine == "simpy"
    assert choose(scenario, "auto", replications=17).engine == "compiled"


@pytest.mark.usefixtures("no_numba")
def test_without_numba_it_is_simpy_and_one_line_says_so() -> None:
    found = choose(of_requests(1000), "auto")
    assert found.engine == "simpy"
    assert "numba is not installed" in found.remark
    assert "\n" not in found.remark
    assert choose(of_requests(1000), "simpy") == choice.Choice("simpy")
    with pytest.raises(NotReady, match="needs numba"):
        choose(of_requests(1000), "compiled")


def test_an_engine_that_nobody_knows() -> None:
    with pytest.raises(NotReady, match="there is no engine 'fast'"):
        choose(of_requests(1000), "fast")


@pytest.mark.usefixtures("numba")
def test_what_does_not_compile_runs_on_simpy(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("no such instruction\nand more")

    monkeypatch.setattr(cache, "library", broken)
    monkeypatch.setattr(cache, "is_kept", lambda _: True)
    scenario = of_requests(LOADING_PAYS_FROM * 2)
    found = prepare(scenario, "auto")
    assert found.engine == "simpy"
    assert found.remark == (
        "running on SimPy: compiling failed (RuntimeError: no such instruction)"
    )
    with pytest.raises(NotReady, match="no such instruction"):
        prepare(scenario, "compiled")


@pytest.mark.usefixtures("numba")
def test_attached_processes_stay_on_simpy_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    scenario = generate(1)
    seen: list[object] = []
    recorder = Recorder(scenario, scenario.duration_ns)
    with caplog.at_level(logging.WARNING, "poolsim"):
        end = simulate(
            scenario,
            0,
            recorder,
            engine="compiled",
            attachments=[lambda environment, world: seen.append((environment, world))],
        )
    assert end.engine == "simpy"
    assert len(seen) == 1
    assert [record.message for record in caplog.records] == [
        "running on SimPy: attached processes need it"
    ]


@pytest.mark.parametrize("seed", range(40))
def test_expected_requests_are_about_what_a_run_makes(seed: int) -> None:
    scenario = generate(seed)
    recorder = Recorder(scenario, scenario.duration_ns)
    end = simulate(scenario, 0, recorder, engine="simpy")
    made = recorder.finish(end.end_ns, end.unfinished).requests + sum(end.unfinished)
    assert made / 20 < expected_requests(scenario) < made * 20


# The code that is kept ----------------------------------------------------------------------------


def program(name: str, made: list[str]) -> cache.Program:
    pytest.importorskip("numba")

    def compile_nothing() -> bytes:
        made.append(name)
        return b"code"

    return cache.Program(name, f"nothing ({name})", ("poolsim.machine_code",), {}, compile_nothing)


@pytest.fixture
def kept_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POOLSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "_loaded", {})
    monkeypatch.setattr(cache, "_names", {})
    monkeypatch.setattr(cache, "Library", lambda code, _: code)
    return tmp_path


def test_code_is_compiled_once(kept_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    shown: list[str] = []

    @contextmanager
    def show(what: cache.Program) -> Iterator[None]:
        shown.append(what.title)
        yield

    one = program("one", made)
    assert not cache.is_kept(one)
    assert cache.library(one, show) == b"code"
    monkeypatch.setattr(cache, "_loaded", {})
    assert cache.is_kept(one)
    assert cache.library(one, show) == b"code"
    assert made == ["one"]
    assert shown == ["nothing (one)"]
    assert len(list(kept_in.glob("one-*.code"))) == 1


def test_code_that_is_not_whole_is_compiled_again(
    kept_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    cache.library(program("one", made))
    (path,) = kept_in.glob("one-*.code")
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(cache, "_loaded", {})
    assert not cache.is_kept(program("one", made))
    assert cache.library(program("one", made)) == b"code"
    assert made == ["one", "one"]


@pytest.mark.usefixtures("kept_in")
def test_other_versions_have_other_files(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    cache.library(program("one", made))
    monkeypatch.setattr(cache, "_version", lambda _: "999")
    monkeypatch.setattr(cache, "_names", {})
    assert not cache.is_kept(program("one", made))
    monkeypatch.undo()
    text = cache._sources(("poolsim.machine_code",))
    assert any("Keeps machine code on disk" in part for part in text)


def test_where_nothing_can_be_written_the_code_lasts_as_long_as_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("POOLSIM_CACHE", str(blocked / "below"))
    monkeypatch.setattr(cache, "_loaded", {})
    monkeypatch.setattr(cache, "_names", {})
    monkeypatch.setattr(cache, "Library", lambda code, _: code)
    made: list[str] = []
    assert cache.library(program("one", made)) == b"code"
    assert cache.library(program("one", made)) == b"code"
    assert made == ["one"]
