"""The wheel holds the package, all of it, and nothing else."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import poolsim

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("poolsim-*.whl")
    return zipfile.ZipFile(path)


def test_it_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    """Templates, schema and page parts as well as modules; the harness's files and scenarios."""
    packed = {"poolsim": "poolsim", "harness": "poolsim/harness/files"}
    packed["scenarios"] = "poolsim/scenarios"
    expected = {
        f"{place}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, place in packed.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == expected
    assert any(name.endswith(".yaml") for name in held)


def test_its_metadata(wheel: zipfile.ZipFile) -> None:
    names = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    metadata = Parser().parsestr(wheel.read(names["METADATA"]).decode())
    assert metadata["Version"] == poolsim.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert "poolsim = poolsim.cli:main" in wheel.read(names["entry_points.txt"]).decode()
    readme = metadata.get_payload()
    assert isinstance(readme, str)
    assert "make run" in readme
