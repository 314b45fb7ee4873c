"""The two small programs of .ci/run."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PYPROJECT = """
[project]
dependencies = ["Alpha>=1", "beta_b"]
[project.optional-dependencies]
dev = ["gamma"]
"""
LOCK = """\
alpha==1.0 \\
    --hash=sha256:aa
    # via poolsim (pyproject.toml)
beta-b==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:bb
    # via poolsim (pyproject.toml)
deep==0.1 \\
    --hash=sha256:dd
    # via delta
delta==3.0 \\
    --hash=sha256:cc
    # via
    #   alpha
    #   gamma
gamma==4.0 \\
    --hash=sha256:ee
    # via poolsim (pyproject.toml)
helper==5.0 \\
    --hash=sha256:ff
    # via gamma
"""


def test_runtime_requirements_are_what_the_project_reaches() -> None:
    text = script("runtime_requirements").runtime(PYPROJECT, LOCK)
    assert re.findall(r"^(\S+)==", text, flags=re.MULTILINE) == ["alpha", "beta-b", "deep", "delta"]
    assert "--hash=sha256:dd" in text


def test_a_dependency_that_is_not_locked_is_named() -> None:
    with pytest.raises(SystemExit, match="beta-b"):
        script("runtime_requirements").runtime(PYPROJECT, LOCK.replace("beta-b", "other"))


def test_runtime_requirements_of_this_project_leave_developers_tools_out() -> None:
    command = [sys.executable, ".ci/runtime_requirements.py", "pyproject.toml", "requirements.lock"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^(\S+)==", text, flags=re.MULTILINE))
    assert {"simpy", "numpy", "pydantic-core", "python-dateutil"} <= names
    assert not names & {"pytest", "numba", "llvmlite", "ruff", "mypy", "hypothesis"}


def picture() -> np.ndarray:
    """A page: words in each third, and a blue line."""
    pixels = np.full((900, 600, 3), 255, dtype=np.uint8)
    for top in (50, 350, 650):
        pixels[top : top + 20, 50:400:2] = 20
    pixels[400:410, 100:500] = (30, 90, 220)
    return pixels


def test_a_page_with_text_and_a_line_is_accepted() -> None:
    assert script("check_picture").complaint(picture()) is None


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda pixels: pixels.fill(255), "blank"),
        (lambda pixels: pixels[600:].fill(255), "a third of the picture is blank"),
        (lambda pixels: pixels[400:410].fill(20), "no coloured line"),
    ],
)
def test_a_page_without_them_is_not(spoil, complaint: str) -> None:
    pixels = picture()
    spoil(pixels)
    assert complaint in str(script("check_picture").complaint(pixels))
