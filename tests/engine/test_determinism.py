"""The same scenario and seed give the same digest, wherever and however often they are run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from poolsim.engine.run import simulate
from poolsim.fidelity.generator import generate
from poolsim.fidelity.soak.campaign import try_seeds
from poolsim.recording.recorder import Recorder

ROOT = Path(__file__).parents[2]
SEEDS = tuple(range(100, 112))
HASH_SEEDS = ("0", "1", "4294967295")

IN_ANOTHER_PROCESS = """
import json, sys
from poolsim.engine.run import simulate
from poolsim.fidelity.generator import generate
from poolsim.recording.recorder import Recorder

digests = []
for seed in json.loads(sys.argv[1]):
    scenario = generate(seed)
    recorder = Recorder(scenario, scenario.duration_ns // 20)
    end = simulate(scenario, 0, recorder)
    digests.append(recorder.finish(end.end_ns, end.unfinished).digest)
print(json.dumps([hash("some text"), digests]))
"""


def digest(seed: int, intervals: int = 20) -> str:
    scenario = generate(seed)
    recorder = Recorder(scenario, scenario.duration_ns // intervals)
    end = simulate(scenario, 0, recorder)
    return recorder.finish(end.end_ns, end.unfinished).digest


@pytest.fixture(scope="module")
def digests() -> list[str]:
    return [digest(seed) for seed in SEEDS]


def test_digests_tell_runs_apart(digests: list[str]) -> None:
    assert len(set(digests)) == len(SEEDS)


def test_twice_in_this_process(digests: list[str]) -> None:
    # In another order, so that what one run leaves behind would show in the next.
    again = {seed: digest(seed) for seed in reversed(SEEDS)}
    assert [again[seed] for seed in SEEDS] == digests


def test_however_often_the_recorder_takes_samples(digests: list[str]) -> None:
    assert digest(SEEDS[0], intervals=7) == digests[0]


def test_in_processes_with_other_hashes(digests: list[str]) -> None:
    hashes = set()
    for hash_seed in HASH_SEEDS:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        result = subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS, json.dumps(SEEDS)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        text_hash, found = json.loads(result.stdout)
        hashes.add(text_hash)
        assert found == digests, f"PYTHONHASHSEED={hash_seed}"
    assert len(hashes) == len(HASH_SEEDS), "the processes do hash differently"


def test_in_a_pool_of_processes(digests: list[str]) -> None:
    assert [trial.digest for trial in try_seeds(SEEDS, processes=2)] == digests
