"""Builds the Java recorders (`harness/java3/`) against one of their two drivers.

A build is kept in the cache under a name that changes with any of its sources, so it is made once.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from poolsim.harness import files, processes
from poolsim.harness.locking import locked
from poolsim.harness.not_ready import NotReady

FLAVOURS = {
    "java3": "com.datastax.cassandra:cassandra-driver-core:3.11.5",
    "dse": "com.datastax.dse:dse-java-driver-core:1.9.0",
}
"""A Maven profile of the project each, and the driver that it builds against."""

OLDEST_JAVA = 11
_JAR = "recorders.jar"
_BUILD_LIMIT_S = 600


def program(name: str) -> str:
    """The path of `java` or `mvn`.

    Raises:
        NotReady: it is not on PATH.
    """
    found = shutil.which(name)
    if found is None:
        wanted = {
            "java": f"a JDK, version {OLDEST_JAVA} or newer (Debian: openjdk-17-jdk-headless)",
            "mvn": "Maven 3 (Debian: maven)",
        }[name]
        raise NotReady(f"{name!r} is not on PATH: the Java recorders need {wanted}")
    return found


def build(flavour: str) -> list[Path]:
    """The class path of the recorders built against one driver; built first where need be.

    Args:
        flavour: Which driver, of `FLAVOURS`.

    Raises:
        NotReady: Java or Maven is missing, or the build failed.
    """
    if flavour not in FLAVOURS:
        raise ValueError(f"{flavour!r} is not one of {', '.join(FLAVOURS)}")
    sources = files.directory() / "java3"
    key = files.source_key([sources / "pom.xml", sources / "src"])
    target = files.cache() / f"recorders-{flavour}-{key}"
    program("java")
    if not target.is_dir():
        maven = program("mvn")
        with locked(target.with_suffix(".lock")):
            if not target.is_dir():
                _build(maven, sources, flavour, target)
    return [target / _JAR, *sorted((target / "lib").glob("*.jar"))]


def _build(maven: str, sources: Path, flavour: str, target: Path) -> None:
    """Build beside the target, which appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as beside:
        output = Path(beside) / "target"
        command = [maven, "--batch-mode", "--quiet", "--file", str(sources / "pom.xml")]
        command += [f"--activate-profiles={flavour}", f"-Doutput={output}", "package"]
        log = Path(beside) / "log"
        with (
            log.open("w", encoding="utf-8") as stream,
            processes.started(command, stdout=stream, stderr=stream) as process,
        ):
            try:
                failed = process.wait(_BUILD_LIMIT_S) != 0
            except subprocess.TimeoutExpired:
                failed = True
        if failed:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            first = "\n".join(said[:12]) or f"nothing was said within {_BUILD_LIMIT_S} s"
            raise NotReady(
                f"the Java recorders cannot be built against {FLAVOURS[flavour]}; Maven must reach "
                f"its repository and find a JDK {OLDEST_JAVA} or newer. It says:\n{first}"
            )
        kept = Path(beside) / "kept"
        kept.mkdir()
        (output / _JAR).rename(kept / _JAR)
        (output / "lib").rename(kept / "lib")
        kept.rename(target)
