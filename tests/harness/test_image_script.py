"""The script that builds the image: what it refuses, and what it leaves when it is ended."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from poolsim.harness import files, processes

FOLDER = files.directory() / "image"


def script(*arguments: str, folder: Path = FOLDER, **environment: str):
    return subprocess.run(
        ["bash", folder / "build.sh", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def other(tmp_path):
    """The same folder in another place."""
    return Path(shutil.copytree(FOLDER, tmp_path / "image"))


@pytest.fixture
def stand_ins(tmp_path):
    """Programs in place of the real ones: an engine without images, a debootstrap that hangs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    programs = {
        "docker": '[ "$1" = info ]',
        "debootstrap": f"mount -t tmpfs none {tmp_path}/mounted; sleep 60 & sleep 60",
        "mvn": "exit 1",
    }
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)
    (tmp_path / "mounted").mkdir()
    return {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "DEBIAN_MIRROR": "http://mirror.invalid",
    }


def test_the_name_follows_the_content_and_not_the_place(other):
    name = script("--name").stdout
    assert script("--name", folder=other).stdout == name
    with (other / "cassandra.yaml").open("a") as file:
        file.write("# other\n")
    assert script("--name", folder=other).stdout != name


def test_wrong_usage_is_said():
    assert script("--nam").returncode == 2


def test_a_missing_program_is_named(stand_ins, tmp_path):
    (tmp_path / "bin" / "mvn").unlink()
    (tmp_path / "only").mkdir()
    for name in ("bash", "dirname", "sha256sum", "cut", "id"):
        (tmp_path / "only" / name).symlink_to(str(shutil.which(name)))
    stand_ins["PATH"] = f"{tmp_path}/bin:{tmp_path}/only"
    answer = script(**stand_ins)
    assert answer.returncode == 6
    assert "there is no mvn on PATH" in answer.stderr


STARTER = """
import sys, time
from poolsim.harness import processes
processes.start(["bash", sys.argv[1]])
time.sleep(60)
"""


@pytest.mark.container
@pytest.mark.parametrize("way", ["ended", "killed"])
def test_a_build_that_is_ended_leaves_no_process_and_no_mount(own, stand_ins, wait_until, way):
    assert os.geteuid() == 0, "only root can build"
    script_file = str(FOLDER / "build.sh")
    environment = {**os.environ, **stand_ins}

    def commands() -> set[str]:
        found = set()
        for pid in processes.running():
            try:
                found.add(Path(f"/proc/{pid}/comm").read_text().strip())
            except FileNotFoundError:
                continue
        return found

    if way == "ended":
        with processes.started(["bash", script_file], environment=stand_ins, grace_s=1):
            wait_until(lambda: {"debootstrap", "sleep"} <= commands())
    else:
        starter = subprocess.Popen([sys.executable, "-c", STARTER, script_file], env=environment)
        wait_until(lambda: {"debootstrap", "sleep"} <= commands())
        starter.kill()
        starter.wait()
        processes.kill_all()
    assert processes.running() == []
    assert "mounted" not in Path("/proc/mounts").read_text()
    # What lies about is removed by the next build, before it begins.
    assert len(list(Path(stand_ins["XDG_CACHE_HOME"]).glob("poolsim/image/building-*"))) <= 1
