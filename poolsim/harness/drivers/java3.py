"""Starts the run recorder of the Java driver 3.x, or of the DSE driver 1.x that is built on it."""

from __future__ import annotations

import os
from pathlib import Path

from poolsim.harness.drivers import process
from poolsim.harness.java import build, program

MAIN = "poolsim.runs.Main"

# Pauses are what counts, not throughput. The live data of a run is small, so a copying collector
# of one thread pauses for a few milliseconds; one with threads would take the second core from the
# driver. The young generation holds what some seventy thousand requests leave behind. Touched
# memory needs no page faults during the run.
JVM_OPTIONS = (
    "-Xms512m",
    "-Xmx512m",
    "-Xmn352m",
    "-XX:+UseSerialGC",
    "-XX:+AlwaysPreTouch",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
)


def start(run_json: Path, *, flavour: str = "java3") -> process.RecorderProcess:
    """Start the recorder on a run; call it from a thread that stays.

    Args:
        run_json: What to run; keys that it does not know are refused by name.
        flavour: Which driver: "java3" (3.11) or "dse" (1.9).

    Raises:
        NotReady: Java or Maven is missing, or the recorder cannot be built.
    """
    class_path = os.pathsep.join(map(str, build(flavour)))
    return process.start(
        f"the run recorder of {flavour}",
        [program("java"), *JVM_OPTIONS, "-cp", class_path, MAIN, run_json.resolve()],
    )
