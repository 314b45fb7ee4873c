"""What is wrong with a file, and where: every mistake at once, in the order of the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

TreePath = tuple[str | int, ...]
"""Keys and indices from the top of the file: ("clients", 0, "options")."""

MOST_SHOWN = 100
"""A file of garbage must not bury the first mistakes under thousands."""
MOST_KEPT = 1_000
"""Nor may it take a minute to look for suggestions for each of a hundred thousand."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: `file:line:column: path: message` (no path for the file as a whole)."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        path = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}:{self.column}: {path}{self.message}"


class ScenarioError(Exception):
    """An invalid scenario, with every mistake in it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes: tuple[Mistake, ...] = tuple(mistakes)
        assert self.mistakes, "an error without a mistake"
        shown = [str(mistake) for mistake in self.mistakes[:MOST_SHOWN]]
        if len(self.mistakes) > MOST_SHOWN:
            shown.append(f"... and {len(self.mistakes) - MOST_SHOWN} more mistakes")
        super().__init__("\n".join(shown))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Mistake, ...]]]:
        return type(self), (self.mistakes,)


def path_text(path: TreePath) -> str:
    """`clients[0].options.pooling` for ("clients", 0, "options", "pooling")."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """` (did you mean max?)` when a known name is close, otherwise an empty text."""
    near = difflib.get_close_matches(str(name), sorted(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


class Findings:
    """Collects mistakes by path, and knows which parts of the file could not be read.

    A check that reads a broken part would only report the consequence of a mistake that is
    reported already, so `add` drops it.
    """

    def __init__(self, keys: dict[TreePath, Position], values: dict[TreePath, Position]) -> None:
        self._keys = keys
        self._values = values
        self._broken: list[TreePath] = []
        self._mistakes: dict[Mistake, int] = {}

    def position(self, path: TreePath, of_key: bool = False) -> Position:
        """Where the value (or the key) at `path` stands, or the nearest block around it."""
        while True:
            found = (self._keys.get(path) if of_key else None) or self._values.get(path)
            if found is not None:
                return found
            assert path, "the top of the file has a position"
            path = path[:-1]

    def add(
        self,
        path: TreePath,
        message: str,
        *,
        of_key: bool = False,
        breaks: bool = False,
        uses: Iterable[TreePath] = (),
    ) -> None:
        """Note a mistake at `path`.

        `of_key` points at the key instead of its value; `breaks` says that nothing else can be
        said about this part; `uses` are further parts that the finding rests on.
        """
        if self.is_full or any(self.is_broken(used) for used in (path, *uses)):
            return
        where = self.position(path, of_key)
        mistake = Mistake(where.file, where.line, where.column, path_text(path), message)
        self.add_mistake(mistake)
        if breaks:
            self.break_off(path)

    def add_mistake(self, mistake: Mistake) -> None:
        """Note a mistake that knows its place, perhaps in another file that the scenario reads."""
        if not self.is_full:
            self._mistakes.setdefault(mistake, len(self._mistakes))

    def break_off(self, path: TreePath) -> None:
        """From now on nothing is said about this part."""
        if not self.is_full:
            self._broken.append(path)

    @property
    def is_full(self) -> bool:
        """Whether more would help nobody."""
        return len(self._mistakes) >= MOST_KEPT

    def is_broken(self, path: TreePath) -> bool:
        """Whether the part, something in it or something around it could not be read."""
        return any(
            path[: len(broken)] == broken or broken[: len(path)] == path for broken in self._broken
        )

    def __bool__(self) -> bool:
        return bool(self._mistakes)

    def error(self) -> ScenarioError:
        """All of them as one error, by position; other files' mistakes come last."""
        first_file = self.position(()).file
        ordered = sorted(
            self._mistakes.items(),
            key=lambda item: (
                item[0].file != first_file,
                item[0].file,
                item[0].line,
                item[0].column,
                item[1],
            ),
        )
        return ScenarioError(mistake for mistake, _ in ordered)
