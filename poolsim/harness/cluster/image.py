"""Which image the nodes run: the official one where it can be had, otherwise one built here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

from poolsim.harness import files, processes
from poolsim.harness.cluster.engine import Engine
from poolsim.harness.cluster.settings import STOCK_IMAGE
from poolsim.harness.not_ready import NotReady

_BUILD_NEEDS = ("bash", "docker", "debootstrap", "mvn")


def provide(engine: Engine, say: Callable[[str], None]) -> str:
    """The name of an image that is there: found, pulled or built, in this order.

    Raises:
        NotReady: It can neither be pulled nor built here.
    """
    if engine.has_image(STOCK_IMAGE):
        return STOCK_IMAGE
    built = built_name()
    if engine.has_image(built):
        return built
    say(f"pulling {STOCK_IMAGE}")
    refusal = engine.pull(STOCK_IMAGE)
    if refusal is None:
        return STOCK_IMAGE
    say(f"it cannot be pulled ({refusal}); building one like it, once")
    if lacks := missing_for_a_build():
        raise NotReady(
            f"{STOCK_IMAGE} can neither be pulled nor replaced: building an image like it needs "
            f"{', '.join(lacks)}. On Debian, as root: apt-get install docker.io debootstrap maven"
        )
    _build()
    return built


def built_name() -> str:
    """The name that the image built here has, or would have."""
    script = files.directory() / "image" / "build.sh"
    answer = subprocess.run(
        ["bash", script, "--name"], stdout=subprocess.PIPE, text=True, check=False
    )
    if answer.returncode:
        raise NotReady(f"{script} does not work here, see above")
    return answer.stdout.strip()


def missing_for_a_build() -> list[str]:
    """What a build needs and this machine lacks."""
    lacks = [program for program in _BUILD_NEEDS if shutil.which(program) is None]
    if os.geteuid() != 0:
        lacks.append("root")
    return lacks


def _build() -> None:
    """Build the image; its messages go to stderr as they come."""
    script = files.directory() / "image" / "build.sh"
    with processes.started(["bash", script], stdout=subprocess.DEVNULL) as process:
        status = process.wait()
    if status:
        raise NotReady(f"the image cannot be built, see above ({script} ended with {status})")
