"""Checks what `search:` names: every path, and every value as the file's own would be.

A value is tried as `--set` would set it, in a point of the space: the first value of everything
else. What a driver refuses there is no mistake, since other points may be well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from poolsim.scenario.document import Block, Document
from poolsim.scenario.mistakes import Findings, Mistake, ScenarioError, TreePath
from poolsim.scenario.parameters import TWICE, Parameter, parse_parameter, varied_twice

SEARCH = "search"
REFUSED = "the driver raises"
"""How mistakes begin that are no mistakes of a file but a driver's refusal of its values."""

Try = Callable[[Sequence[str]], object]
"""Loads the file with some `PATH=VALUE` applied; raises ScenarioError."""


def check_search(document: Document, attempt: Try) -> None:
    """Note what is wrong in the `search:` of a document, at its place in the file."""
    block = document.root.get(SEARCH)
    if not isinstance(block, Block):
        return
    parameters = _parameters(block, document.findings)
    twice = varied_twice(parameters)
    for parameter in parameters:
        if twice and twice in parameter.paths:
            # Said of the second one, which is the one too many.
            last = [one for one in parameters if twice in one.paths][-1]
            if parameter is last:
                path = (*block.path, parameter.label)
                document.findings.add(path, f"{twice} is {TWICE}", of_key=True)
            continue
        others = [
            override
            for other in parameters
            if other is not parameter and not (twice and twice in other.paths)
            for override in other.overrides(other.texts[0])
        ]
        _try_values(parameter, (*block.path, parameter.label), others, document.findings, attempt)


def _parameters(block: Block, findings: Findings) -> list[Parameter]:
    """The parameters that can be read."""
    found = []
    for path, values in block.items():
        if isinstance(values, bool) or not isinstance(values, str | int | float):
            continue  # reported with the blocks of the file
        try:
            found.append(parse_parameter(f"{path}={str(values).strip()}"))
        except ScenarioError as error:
            findings.add((*block.path, path), error.mistakes[0].message)
    return found


def _try_values(
    parameter: Parameter,
    place: TreePath,
    others: Sequence[str],
    findings: Findings,
    attempt: Try,
) -> None:
    """Note what is wrong with a parameter's path, or with each of its values."""
    said: set[str] = set()
    for text in parameter.texts:
        own = parameter.overrides(text)
        for mistake in _mistakes(attempt, (*others, *own), own):
            path = mistake.file.partition("=")[0].removeprefix("--set ")
            is_of_path = mistake.column <= len(path)
            if mistake.message not in said:
                findings.add(place, mistake.message, of_key=is_of_path)
            said.add(mistake.message)
            if is_of_path:
                return  # it is as wrong with every other value


def _mistakes(attempt: Try, overrides: Sequence[str], own: Sequence[str]) -> list[Mistake]:
    """Mistakes that some of the overrides bring, `own`, without those of the file itself."""
    try:
        attempt(overrides)
    except ScenarioError as error:
        names = [f"--set {one}" for one in own]
        return [one for one in error.mistakes if one.file in names and REFUSED not in one.message]
    return []
