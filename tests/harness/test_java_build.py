"""The Java recorders are built once, whole or not at all; what is missing is said."""

import secrets
from pathlib import Path

import pytest

from poolsim.commands.exit_codes import NOT_READY, exit_code_of
from poolsim.harness import files, java, place
from poolsim.harness.not_ready import NotReady

BUILDING = """#!/bin/sh
echo run >> {runs}
for argument in "$@"; do
  case "$argument" in -Doutput=*) output="${{argument#-Doutput=}}" ;; esac
done
/bin/mkdir -p "$output/lib"
echo jar > "$output/recorders.jar"
echo jar > "$output/lib/b.jar"
echo jar > "$output/lib/a.jar"
"""
FAILING = """#!/bin/sh
echo "[ERROR] no such artifact"
exit 1
"""


class Machine:
    """A PATH of its own and an empty cache."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.runs = folder / "runs"

    def has(self, name: str, script: str = "#!/bin/sh\n") -> None:
        program = self.programs / name
        program.write_text(script.format(runs=self.runs), encoding="utf-8")
        program.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.programs))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(place.NAME_VARIABLE, f"test-{secrets.token_hex(4)}")
    return made


def refused(flavour: str = "java3") -> str:
    with pytest.raises(NotReady) as error:
        java.build(flavour)
    assert exit_code_of(error.value) == NOT_READY == 6
    return str(error.value)


def test_a_missing_jdk_is_said(machine: Machine) -> None:
    machine.has("mvn", BUILDING)
    assert "'java' is not on PATH" in refused()


def test_a_missing_maven_is_said(machine: Machine) -> None:
    machine.has("java")
    message = refused()
    assert "'mvn' is not on PATH" in message
    assert "Debian: maven" in message


def test_a_failed_build_says_what_maven_said_and_leaves_nothing(machine: Machine) -> None:
    machine.has("java")
    machine.has("mvn", FAILING)
    message = refused("dse")
    assert "dse-java-driver-core:1.9.0" in message
    assert "[ERROR] no such artifact" in message
    assert [entry.name for entry in files.cache().iterdir() if entry.is_dir()] == []


def test_a_build_is_kept(machine: Machine) -> None:
    machine.has("java")
    machine.has("mvn", BUILDING)
    class_path = java.build("java3")
    assert [path.name for path in class_path] == ["recorders.jar", "a.jar", "b.jar"]
    assert all(path.is_file() for path in class_path)
    assert java.build("java3") == class_path
    assert machine.runs.read_text(encoding="utf-8").split() == ["run"]
    (machine.programs / "mvn").unlink()
    assert java.build("java3") == class_path


def test_each_driver_has_a_build_of_its_own(machine: Machine) -> None:
    machine.has("java")
    machine.has("mvn", BUILDING)
    assert not set(java.build("java3")) & set(java.build("dse"))


def test_changed_sources_are_built_anew(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has("java")
    machine.has("mvn", BUILDING)
    sources = tmp_path / "harness" / "java3"
    (sources / "src").mkdir(parents=True)
    (sources / "pom.xml").write_text("<project/>", encoding="utf-8")
    monkeypatch.setattr(files, "directory", lambda: tmp_path / "harness")
    before = java.build("java3")
    (sources / "src" / "A.java").write_text("class A {}", encoding="utf-8")
    assert not set(before) & set(java.build("java3"))


def test_an_unknown_driver_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="'java4' is not one of java3, dse"):
        java.build("java4")
