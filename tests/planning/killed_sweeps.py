"""Kills a sweep again and again, as a machine that crashes would, until it has ended."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

RESULTS = ("sweep.csv", "sweep.parquet", "summary.json")


def command(scenario: Path, settings: list[str], out: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "poolsim", "sweep", str(scenario), "--out", str(out)]
    for setting in settings:
        words += ["--set", setting]
    return [*words, "--no-plots", *more]


def undisturbed(words: list[str], out: Path) -> dict[str, bytes]:
    subprocess.run(words, check=True, capture_output=True, timeout=600)
    return {name: (out / name).read_bytes() for name in RESULTS}


def kill_until_done(words: list[str], out: Path, kills: int, seed: int) -> tuple[int, list[int]]:
    """Start the sweep and kill its whole process group at a random moment of its work, `kills`
    times; then let it end. Gives how often it was killed before its end, and the number of
    finished points after each kill."""
    chance = random.Random(seed)
    journal = out / "points.journal"
    finished = []
    for _ in range(kills):
        process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        before = lines_of(journal)
        wanted = before + chance.randrange(1, 9)
        # At a moment of its work, not of its start: once some points more are there.
        while process.poll() is None and lines_of(journal) < wanted:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        finished.append(max(lines_of(journal) - 1, 0))
        if (out / "sweep.csv").exists():
            break
    subprocess.run(words, check=True, capture_output=True, timeout=600)
    return len(finished), finished


def lines_of(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def keys_of(journal: Path) -> list[str]:
    """The key of each entry, as often as it was written."""
    import json

    lines = journal.read_bytes().splitlines()[1:]
    return [json.loads(line.partition(b" ")[2])["key"] for line in lines]
