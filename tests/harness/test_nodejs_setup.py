"""The Node.js driver is installed once, by its lock file; its walks are planned by seed."""

import json
import secrets
from pathlib import Path

import pytest

from poolsim.commands.exit_codes import NOT_READY, exit_code_of
from poolsim.harness import files, nodejs, nodejs_walks, place
from poolsim.harness.not_ready import NotReady
from poolsim.model.policies.reconnection import MILLIONTHS, spread_of

INSTALLING = """#!/bin/sh
echo "$@" >> {runs}
test -f package-lock.json || exit 1
/bin/mkdir -p node_modules/cassandra-driver
"""
FAILING = """#!/bin/sh
echo "npm error code E404"
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


def refused() -> str:
    with pytest.raises(NotReady) as error:
        nodejs.environment()
    assert exit_code_of(error.value) == NOT_READY
    return str(error.value)


@pytest.mark.parametrize(("there", "missing"), [("npm", "node"), ("node", "npm")])
def test_what_is_missing_is_said(machine: Machine, there: str, missing: str) -> None:
    machine.has(there, INSTALLING)
    assert f"'{missing}' is not on PATH" in refused()


def test_a_failed_installation_says_what_npm_said_and_leaves_nothing(machine: Machine) -> None:
    machine.has("node")
    machine.has("npm", FAILING)
    assert "npm error code E404" in refused()
    assert [entry.name for entry in files.cache().iterdir() if entry.is_dir()] == []


def test_the_driver_is_installed_once_by_the_lock_file(machine: Machine) -> None:
    machine.has("node")
    machine.has("npm", INSTALLING)
    modules = Path(nodejs.environment()["NODE_PATH"])
    assert [path.name for path in modules.iterdir()] == ["cassandra-driver"]
    assert nodejs.environment() == {"NODE_PATH": str(modules)}
    assert machine.runs.read_text(encoding="utf-8").splitlines() == [
        "ci --ignore-scripts --no-audit --no-fund"
    ]


def test_another_lock_file_is_another_installation(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has("node")
    machine.has("npm", INSTALLING)
    sources = tmp_path / "harness" / "nodejs"
    sources.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        (sources / name).write_bytes(nodejs.script(name).read_bytes())
    monkeypatch.setattr(files, "directory", lambda: tmp_path / "harness")
    before = nodejs.environment()
    (sources / "package-lock.json").write_text("{}", encoding="utf-8")
    assert nodejs.environment() != before


def test_the_lock_file_has_hashes_and_names_no_place() -> None:
    lock = json.loads(nodejs.script("package-lock.json").read_text(encoding="utf-8"))
    package = json.loads(nodejs.script("package.json").read_text(encoding="utf-8"))
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    locked = {name: entry for name, entry in lock["packages"].items() if name}
    driver = locked["node_modules/cassandra-driver"]
    assert package["dependencies"] == {"cassandra-driver": driver["version"]}
    for entry in locked.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
    assert "://" not in json.dumps(lock)


# Walks --------------------------------------------------------------------------------------------


def test_a_seed_is_a_plan_and_each_walk_has_its_own_address() -> None:
    walks = nodejs_walks.walks(120, 500, 7)
    assert walks == nodejs_walks.walks(120, 500, 7)
    assert len({walk["name"] for walk in walks}) == len({walk["listen"] for walk in walks}) == 120
    assert [walk["seed"] for walk in walks] == list(range(7, 127))
    with pytest.raises(ValueError, match="250"):
        nodejs_walks.walks(251, 500, 7)


def test_walks_lie_at_below_and_above_every_limit() -> None:
    walks = nodejs_walks.walks(60, 500, 1)
    limits = {
        (walk["max_requests"] > walk["streams"]) - (walk["max_requests"] < walk["streams"])
        for walk in walks
    }
    assert limits == {-1, 0, 1}
    assert {walk["core"] for walk in walks} == {0, 1, 2, 3, 4, 5}
    assert {walk["distance"] for walk in walks} == {"local", "remote"}
    assert {walk["warmup"] for walk in walks} == {True, False}
    assert {walk["reconnection"]["kind"] for walk in walks} == {"exponential", "constant"}
    assert {0, 64} < {walk["defunct_threshold"] for walk in walks}
    defaults = [walk for walk in walks if walk["max_requests"] == 2_048]
    assert any(walk["defunct_threshold"] == 64 and walk["core"] == 1 for walk in defaults)


def test_no_delay_of_a_walk_is_whole_before_the_driver_cuts_it() -> None:
    """Such a delay comes out a millisecond less for its last bit; nothing is to be learnt of it."""
    for walk in nodejs_walks.walks(120, 500, 1):
        schedule = walk["reconnection"]
        if schedule["kind"] == "constant":
            continue
        base, most = schedule["base_ms"], schedule["max_ms"]
        for step in range(16):
            delay = min(base * 2**step, most)
            least, width = spread_of(delay, base, most, int(schedule["start_with_no_delay"]))
            exact = delay * (least / MILLIONTHS + width / MILLIONTHS * walk["chance"])
            assert abs(exact - round(exact)) > 1e-6, (walk["name"], delay)
