"""What people meet before poolsim runs: the list of targets, and a Python that is too old."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text().replace("\\\n", "")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_make_alone_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)
    assert phony is not None
    listed = [line.split()[1] for line in make().stdout.splitlines()]
    assert listed == phony[1].split()


def test_an_old_python_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    environment = tmp_path / "environment"
    result = make("run", f"PYTHON={old}", f"VENV={environment}")
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stderr
    assert "make PYTHON=" in result.stderr
    assert not environment.exists()


@pytest.mark.parametrize("target", ["run", "test", "lint", "types"])
def test_targets_set_up_first_and_only_from_hashes(target: str, tmp_path: Path) -> None:
    planned = make("--dry-run", target, f"VENV={tmp_path / 'environment'}").stdout
    installs = [
        " ".join(line.split())
        for line in planned.replace("\\\n", "").splitlines()
        if " pip install" in line and "echo" not in line
    ]
    assert len(installs) == 2
    assert "--require-hashes --requirement requirements.lock" in installs[0]
    assert "--no-deps --no-build-isolation" in installs[1]


def test_what_is_installed_stays_installed(tmp_path: Path) -> None:
    (tmp_path / ".installed").touch()
    assert " pip install" not in make("--dry-run", "run", f"VENV={tmp_path}").stdout
