"""Kills a sweep again and again, as a machine that crashes would, until it has ended.

    python -m tests.planning.killed_sweeps --report reports      (`make kills`)

writes a dated page of 200 points killed 20 times, and of the same points on a dask cluster, beside
an undisturbed sweep.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.planning.small_scenario import POOLING, SMALL

RESULTS = ("sweep.csv", "sweep.parquet", "summary.json")
SETTINGS = [f"{POOLING}.local.max_requests=1..25", f"{POOLING}.local.max=1..8"]
POINTS = 200
KILLS = 20
LONGEST_START_S = 3.0
LIMIT_S = 600

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class KilledSweep:
    """`finished`: points in the journal after each kill. `keys`: of its entries at the end, as
    often as they were written."""

    finished: list[int]
    keys: list[str]
    files: Files

    @property
    def is_whole(self) -> bool:
        """Whether no point of the page's sweep was repeated or lost."""
        return len(self.keys) == len(set(self.keys)) == POINTS


def command(scenario: Path, settings: list[str], out: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "poolsim", "sweep", str(scenario), "--out", str(out)]
    for setting in settings:
        words += ["--set", setting]
    return [*words, "--no-plots", *more]


def undisturbed(words: list[str], out: Path) -> Files:
    subprocess.run(words, check=True, capture_output=True, timeout=LIMIT_S)
    return {name: (out / name).read_bytes() for name in RESULTS}


def killed(words: list[str], out: Path, points: int, kills: int, seed: int) -> KilledSweep:
    """Start the sweep and kill its whole process group, `kills` times at random: mostly in the
    middle of its work, spread over all of it, now and then while it starts. Then let it end."""
    chance = random.Random(seed)
    journal = out / "points.journal"
    finished = []
    for kill in range(kills):
        process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        if chance.random() < 0.25:
            time.sleep(chance.random() * LONGEST_START_S)
        else:
            before = lines_of(journal)
            most = 2 * (points - before) // (kills - kill + 1)
            wanted = before + chance.randint(1, max(most, 1))
            while process.poll() is None and lines_of(journal) < wanted:
                time.sleep(0.002)
            time.sleep(chance.random() * 0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        finished.append(max(lines_of(journal) - 1, 0))
        if (out / "sweep.csv").exists():
            break
    files = undisturbed(words, out)
    return KilledSweep(finished, keys_of(journal), files)


def lines_of(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def keys_of(journal: Path) -> list[str]:
    """The key of each entry, as often as it was written."""
    lines = journal.read_bytes().splitlines()[1:]
    return [json.loads(line.partition(b" ")[2])["key"] for line in lines]


# The page -----------------------------------------------------------------------------------------


def page(calm: Files, sweep: KilledSweep, dask: Files, today: str) -> str:
    is_same = sweep.files == calm
    rows = "\n".join(
        f"| {name} | `{_hash(calm[name])}` | `{_hash(sweep.files[name])}` | `{_hash(dask[name])}` |"
        for name in RESULTS
    )
    return f"""# A sweep of {POINTS} points, killed {len(sweep.finished)} times, {today}

- Killed by SIGKILL with all its processes, then run to its end: results are
  **{"the same, byte for byte" if is_same else "NOT THE SAME"}** as of an undisturbed sweep.
- Points in its journal: {len(sweep.keys)}, of which {len(set(sweep.keys))} different:
  **{"none was repeated, none was lost" if sweep.is_whole else "SOME WERE REPEATED OR LOST"}**.
- On a dask cluster of two workers: results are
  **{"the same, byte for byte" if dask == calm else "NOT THE SAME"}**.

Finished points after each kill: {", ".join(str(one) for one in sweep.finished)}.

| file | undisturbed | killed | dask |
|---|---|---|---|
{rows}

(The first 16 digits of SHA-256.) Written by `make kills`.
"""


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def main() -> int:
    """0: the same results three times; 1: not."""
    from poolsim.recording.whole_file import write_whole
    from tests.planning.dask_cluster import dask_cluster

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path, help="write a dated page into this folder")
    parser.add_argument("--seed", type=int, default=5, help="of the moments of the kills")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="poolsim-kills-") as name:
        folder = Path(name)
        scenario = folder / "small.yaml"
        scenario.write_text(SMALL)
        outs = {one: folder / one for one in ("calm", "killed", "dask")}
        words = command(scenario, SETTINGS, outs["calm"], "--jobs", "2")
        calm = undisturbed(words, outs["calm"])
        words = command(scenario, SETTINGS, outs["killed"], "--jobs", "2")
        sweep = killed(words, outs["killed"], POINTS, KILLS, given.seed)
        with dask_cluster(folder) as address:
            words = command(scenario, SETTINGS, outs["dask"], "--dask", address)
            dask = undisturbed(words, outs["dask"])
    today = datetime.now(UTC).date().isoformat()
    text = page(calm, sweep, dask, today)
    print(text)
    if given.report is not None:
        path = given.report / "sweep" / f"{today}.md"
        write_whole(path, text)
        print(f"written: {path}")
    is_killed = len(sweep.finished) == KILLS
    return 0 if is_killed and sweep.is_whole and sweep.files == calm == dask else 1


if __name__ == "__main__":
    sys.exit(main())
