"""`--set PATH=VALUE`: a value replaced in the tree of the file before anything is checked.

PATH is written as mistakes are: `clients[0].options.pooling.local.max`; a client may also be named:
`clients.api.load.poisson.rate`. VALUE is YAML. Blocks on the way that the file does not have are
made. Whatever is wrong with it afterwards is reported at the `--set`, not at the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from poolsim.scenario.document import Block, Document, Items, read_document
from poolsim.scenario.mistakes import (
    Mistake,
    Position,
    ScenarioError,
    TreePath,
    did_you_mean,
    path_text,
)

_PART = re.compile(r"([^.\[\]=]+)|\[(\d{1,6})\]")


def apply_overrides(document: Document, overrides: Sequence[str]) -> None:
    """Set each `PATH=VALUE`; those that cannot be set are in the document's findings."""
    for override in overrides:
        try:
            _apply(document, override)
        except ScenarioError as error:
            for mistake in error.mistakes:
                document.findings.add_mistake(mistake)


def _apply(document: Document, override: str) -> None:
    path_part, equals, value_text = override.partition("=")
    name = f"--set {override}"
    if not equals:
        raise _wrong(name, 1, "", "write --set PATH=VALUE")
    parts = _parts(path_part, name)
    value = _value(value_text, parts, name, len(path_part) + 2)
    container: Block | Items = document.root
    path: TreePath = ()
    for part in parts[:-1]:
        key = _key(container, part, path, name)
        path = (*path, key)
        container = _below(document, container, key, path, name)
    key = _key(container, parts[-1], path, name)
    path = (*path, key)
    _place(document, container, key, path, value)


def _parts(path: str, name: str) -> list[str | int]:
    """`clients[0].name` as ["clients", 0, "name"]."""
    parts: list[str | int] = []
    place = 0
    while place < len(path):
        if path[place] == "." and parts and place + 1 < len(path):
            place += 1
        match = _PART.match(path, place)
        if match is None:
            raise _wrong(name, place + 1, "", "not a path: write clients[0].instances")
        parts.append(match[1].strip() if match[1] is not None else int(match[2]))
        place = match.end()
    if not parts:
        raise _wrong(name, 1, "", "not a path: write clients[0].instances")
    return parts


def _value(text: str, parts: list[str | int], name: str, column: int) -> tuple[object, Document]:
    """The value and the document that it stands in."""
    path = path_text(tuple(parts))
    try:
        # A key of its own, so that a plain value is a whole document.
        document = read_document(f"value: {text}" if "\n" not in text else f"value:\n{text}", name)
    except ScenarioError as error:
        first = error.mistakes[0]
        place = column + max(first.column - len("value: ") - 1, 0)
        raise _wrong(name, place, path, first.message) from None
    if document.findings:
        first = document.findings.error().mistakes[0]
        raise _wrong(name, column, path, first.message)
    if len(document.root) != 1:
        raise _wrong(name, column, path, "not one value: put it in quotes")
    return document.root["value"], document


def _key(container: Block | Items, part: str | int, path: TreePath, name: str) -> str | int:
    """The key or index that a part of a path means in a container."""
    if isinstance(container, Block):
        return str(part)
    if isinstance(part, str) and path == ("clients",):
        names = [item.get("name") if isinstance(item, Block) else None for item in container]
        if part in names:
            return names.index(part)
        known = [str(known) for known in names if known is not None]
        message = f"there is no client {part}{did_you_mean(part, known)}"
        raise _wrong(name, 1, path_text((*path, part)), message)
    if isinstance(part, str):
        message = f"{path_text(path)} is a list: write {path_text(path)}[0]"
        raise _wrong(name, 1, path_text((*path, part)), message)
    if part >= len(container):
        count = f"{len(container)} item{'s' if len(container) != 1 else ''}"
        message = f"{path_text(path)} has {count}, counting from 0"
        raise _wrong(name, 1, path_text((*path, part)), message)
    return part


def _below(
    document: Document, container: Block | Items, key: str | int, path: TreePath, name: str
) -> Block | Items:
    """The block or list at a key, made where there is none."""
    existing = container[key] if isinstance(container, Items) and isinstance(key, int) else None
    if isinstance(container, Block):
        existing = container.get(str(key))
    if isinstance(existing, Block | Items):
        return existing
    made = Block(path)
    # A shorthand such as `constant: 2ms` becomes a block; what it said is replaced.
    position = Position(name, 1, 1)
    _put(container, key, made)
    document.keys.setdefault(path, position)
    document.values[path] = position
    return made


def _place(
    document: Document,
    container: Block | Items,
    key: str | int,
    path: TreePath,
    value: tuple[object, Document],
) -> None:
    """Put the value there, with its positions, in place of what was there."""
    content, source = value
    for positions in (document.keys, document.values):
        for known in [known for known in positions if known[: len(path)] == path]:
            del positions[known]
    name = source.name
    document.keys[path] = Position(name, 1, 1)
    column = len(name.partition("=")[0]) - len("--set ") + 2
    for positions, found in (
        (document.keys, source.keys),
        (document.values, source.values),
    ):
        for known, where in found.items():
            if known[:1] == ("value",):
                place = max(where.column - len("value: "), 1) - 1 + column
                positions.setdefault((*path, *known[1:]), Position(name, 1, place))
    _put(container, key, _moved(content, path))


def _put(container: Block | Items, key: str | int, value: object) -> None:
    if isinstance(container, Items):
        assert isinstance(key, int)
        container[key] = value
    else:
        container[str(key)] = value


def _moved(value: object, path: TreePath) -> object:
    """The same value at another place of the tree."""
    if isinstance(value, Block):
        block = Block(path)
        for key, item in value.items():
            block[key] = _moved(item, (*path, key))
        return block
    if isinstance(value, Items):
        items = Items(path)
        items.extend(_moved(item, (*path, index)) for index, item in enumerate(value))
        return items
    return value


def _wrong(name: str, column: int, path: str, message: str) -> ScenarioError:
    return ScenarioError([Mistake(name, 1, column, path, message)])
