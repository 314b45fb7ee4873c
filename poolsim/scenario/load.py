"""From a file to a Scenario: the way in for everyone else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poolsim.scenario.document import LARGEST_FILE, decode, read_document
from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.overrides import apply_overrides
from poolsim.scenario.scenario import Scenario

__all__ = ["Mistake", "ScenarioError", "load", "load_plan", "load_text"]


def load(path: Path | str, overrides: Sequence[str] = (), *, searched: bool = True) -> Scenario:
    """The scenario in a file, with `PATH=VALUE` overrides applied before it is checked.

    `searched`: whether what its `search:` names is checked, too, which loads it once a value.

    Raises ScenarioError with every mistake, also where there is no readable file.
    """
    path = Path(path)
    name = str(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a directory")
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the file cannot be read: {reason}"
        raise ScenarioError([Mistake(name, 1, 1, "", message)]) from None
    return _load(decode(content, name), name, path.parent, path, overrides, searched)


def load_plan(path: Path | str, overrides: Sequence[str] = ()) -> Scenario:
    """The scenario in a file that can be recorded: `recording` is not None.

    Raises ScenarioError with every mistake, also where the file has no block `record`.
    """
    scenario = load(path, overrides)
    if scenario.recording is None:
        message = "missing: a plan says how it is recorded, such as record: {nodes: paced}"
        raise ScenarioError([Mistake(str(path), 1, 1, "record", message)])
    return scenario


def load_text(
    text: str,
    name: str = "scenario.yaml",
    directory: Path | str = ".",
    overrides: Sequence[str] = (),
    *,
    searched: bool = True,
) -> Scenario:
    """The scenario in a text.

    `searched` is as in `load`. `name` stands for the file in mistakes; files that the scenario
    itself names are looked up in `directory`. Raises ScenarioError with every mistake.
    """
    return _load(text, name, Path(directory), None, overrides, searched)


def _load(
    text: str,
    name: str,
    directory: Path,
    path: Path | None,
    overrides: Sequence[str],
    searched: bool,
) -> Scenario:
    # pydantic's import costs more than the YAML of a broken file.
    document = read_document(text, name)
    from poolsim.scenario.resolve import resolve
    from poolsim.scenario.search import check_search

    apply_overrides(document, overrides)
    if searched:
        check_search(
            document,
            lambda more: _load(text, name, directory, path, [*overrides, *more], searched=False),
        )
    return resolve(document, directory, path)
