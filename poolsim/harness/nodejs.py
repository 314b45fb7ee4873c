"""Sets up the recorders of the Node.js driver (`harness/nodejs/`): their one dependency, the
driver.

It is installed by the hashes of the lock file, once, into the cache, under a name that changes with
that file.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from poolsim.harness import files, processes
from poolsim.harness.locking import locked
from poolsim.harness.not_ready import NotReady

OLDEST_NODE = 18
_INSTALL_LIMIT_S = 300


def program(name: str) -> str:
    """The path of `node` or `npm`.

    Raises:
        NotReady: it is not on PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise NotReady(
            f"{name!r} is not on PATH: the recorders of the Node.js driver need Node.js "
            f"{OLDEST_NODE} or newer with npm (Debian: nodejs npm)"
        )
    return found


def script(name: str) -> Path:
    """The path of one of the recorders.

    Raises:
        NotReady: the harness's files are not there.
    """
    path = files.directory() / "nodejs" / name
    if not path.is_file():
        raise NotReady(f"a recorder of the Node.js driver is missing: {path}")
    return path


def environment() -> Mapping[str, str]:
    """What a recorder needs in its environment to find the driver, which is installed if need be.

    Raises:
        NotReady: Node.js or npm is missing, or the driver cannot be installed.
    """
    program("node")
    sources = [script("package.json"), script("package-lock.json")]
    target = files.cache() / f"recorders-nodejs-{files.source_key(sources)}"
    if not target.is_dir():
        npm = program("npm")
        with locked(target.with_suffix(".lock")):
            if not target.is_dir():
                _install(npm, sources, target)
    return {"NODE_PATH": str(target / "node_modules")}


def _install(npm: str, sources: list[Path], target: Path) -> None:
    """Install beside the target, which appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as beside:
        folder = Path(beside) / "kept"
        folder.mkdir()
        for source in sources:
            shutil.copy(source, folder)
        log = Path(beside) / "log"
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        with (
            log.open("w", encoding="utf-8") as stream,
            processes.started(command, directory=folder, stdout=stream, stderr=stream) as process,
        ):
            try:
                failed = process.wait(_INSTALL_LIMIT_S) != 0
            except subprocess.TimeoutExpired:
                failed = True
        if failed:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            first = "\n".join(said[:12]) or f"nothing was said within {_INSTALL_LIMIT_S} s"
            raise NotReady(
                "the Node.js driver cannot be installed; npm must reach its registry. It says:\n"
                f"{first}"
            )
        folder.rename(target)
