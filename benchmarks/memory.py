"""Peak memory of `poolsim run` on workload W at 100,000 and at 1,000,000 requests, and their ratio.

    python -m benchmarks.memory [--engine simpy|compiled] [--limit 1.10]

Each run is a process of its own; its peak is the operating system's (ru_maxrss). Exits with 1 if
the ratio is above the limit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

RATE_PER_S = 5000
REQUESTS = (100_000, 1_000_000)
SCENARIO = Path(__file__).with_name("workload_w.yaml")


def peak_bytes(command: list[str]) -> int:
    """Run a command to its end and return the most memory that it, alone, held resident.

    Raises:
        RuntimeError: the command failed; its standard error is in the message.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {status}:\n{errors.read()}")
    # Linux counts kibibytes, macOS bytes.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run_command(requests: int, engine: str, out: Path) -> list[str]:
    """The command that simulates about so many requests of workload W."""
    duration = f"duration={requests // RATE_PER_S}s"
    return [
        *(sys.executable, "-c", "from poolsim.cli import main; main()", "run", str(SCENARIO)),
        *("--set", duration, "--engine", engine, "--no-report", "--out", str(out)),
    ]


def ratio(engine: str, tell: Callable[[str], None]) -> float:
    """How many times the peak of the fewer requests the peak of the more is."""
    peaks = []
    for requests in REQUESTS:
        with tempfile.TemporaryDirectory() as folder:
            command = run_command(requests, engine, Path(folder))
            peaks.append(peak_bytes(command))
        tell(f"{requests:>9,} requests: {peaks[-1] / 2**20:8.1f} MiB")
    return peaks[1] / peaks[0]


def ratio_apart(engine: str, tell: Callable[[str], None]) -> float:
    """The same for a process that has become large: on Linux a child's peak is its parent's too."""
    command = [sys.executable, "-m", "benchmarks.memory", "--engine", engine]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    lines = said.splitlines()
    for line in lines:
        tell(line)
    return float(lines[-1].split()[1])


def main() -> int:
    """Measure, print, and say whether the ratio is within the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="simpy")
    parser.add_argument("--limit", type=float, default=1.10)
    arguments = parser.parse_args()
    found = ratio(arguments.engine, lambda line: print(line, flush=True))
    print(f"    ratio: {found:.3f} (limit {arguments.limit:.2f})")
    return 0 if found <= arguments.limit else 1


if __name__ == "__main__":
    sys.exit(main())
