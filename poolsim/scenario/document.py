"""YAML text becomes plain data with a position for every key and value.

Only what a scenario needs is YAML here: mappings with text keys, lists and plain values. PyYAML
scans the text into events; the tree is built from them in a loop, so neither nesting nor size can
exhaust the stack or the memory. Refused, each with its place: anchors, aliases, tags, merge keys,
duplicate keys, several documents, keys that are not text.

Plain values mean what the core schema of YAML 1.2 says, as in editors, and not what PyYAML's
YAML 1.1 makes of them: `on` and `no` are text, `1:30` is text, `1e3` is a number
(yaml.org/spec/1.2.2, section 10.3.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from poolsim.scenario.mistakes import (
    Findings,
    Mistake,
    Position,
    ScenarioError,
    TreePath,
    path_text,
)

if TYPE_CHECKING:
    import yaml

LARGEST_FILE = 1 << 20
"""Bytes; the largest sensible scenario is a thousandth of it."""
DEEPEST_NESTING = 20
LONGEST_NUMBER = 40
MOST_VALUES = 50_000

_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_WORDS: dict[str, object] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": float("nan"),
    ".NaN": float("nan"),
    ".NAN": float("nan"),
}


class _Mark(Protocol):
    """A place in the text; PyYAML's count from 0."""

    line: int
    column: int


class Block(dict[str, object]):
    """A mapping that knows its place in the file."""

    def __init__(self, path: TreePath) -> None:
        super().__init__()
        self.path = path


class Items(list[object]):
    """A list that knows its place in the file."""

    def __init__(self, path: TreePath) -> None:
        super().__init__()
        self.path = path


@dataclass(slots=True)
class Document:
    """The data of a file and where each part of it stands."""

    name: str
    root: Block
    keys: dict[TreePath, Position] = field(default_factory=dict)
    values: dict[TreePath, Position] = field(default_factory=dict)
    findings: Findings = field(init=False)

    def __post_init__(self) -> None:
        self.findings = Findings(self.keys, self.values)


def plain_value(text: str) -> object:
    """What an unquoted value means in the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= LONGEST_NUMBER:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _OCTAL.fullmatch(text):
            return int(text[2:], 8)
        if _HEXADECIMAL.fullmatch(text):
            return int(text[2:], 16)
        if _FLOAT.fullmatch(text):
            return float(text)
    if _INFINITE.fullmatch(text):
        return float("-inf" if text.startswith("-") else "inf")
    return text


def decode(content: bytes, name: str) -> str:
    """UTF-8 text of a file's bytes; ScenarioError where it is something else."""
    if len(content) > LARGEST_FILE:
        message = f"the file has {len(content):,} bytes; a scenario has at most {LARGEST_FILE:,}"
        raise ScenarioError([Mistake(name, 1, 1, "", message)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        last = before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")
        message = f"byte 0x{content[error.start]:02x} is not UTF-8 text"
        raise ScenarioError([Mistake(name, line, len(last) + 1, "", message)]) from None


def read_document(text: str, name: str) -> Document:
    """The tree of a scenario's text. Mistakes that leave a tree are in its `findings`.

    Raises ScenarioError where there is no tree: a syntax error, an empty file, something that is
    not a mapping, nesting beyond DEEPEST_NESTING.
    """
    if len(text) > LARGEST_FILE:
        message = f"the text has {len(text):,} characters; a scenario has at most {LARGEST_FILE:,}"
        raise ScenarioError([Mistake(name, 1, 1, "", message)])
    builder = _Builder(name)
    builder.read(text)
    return builder.document


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    container: Block | Items
    key: str | None = None
    """The key that waits for its value; in a mapping only."""
    expects_key: bool = True
    skips: bool = False
    """What stands in it belongs to a part that was refused."""
    count: int = 0


class _Builder:
    """Builds the tree from the events of PyYAML's parser."""

    def __init__(self, name: str) -> None:
        self.document = Document(name, Block(()))
        self.findings = self.document.findings
        self.open: list[_Open] = []
        self.document.values[()] = Position(name, 1, 1)
        self.documents = 0
        self.nodes = 0
        self.has_root = False

    def read(self, text: str) -> None:
        """Build the whole tree; raises ScenarioError where the text is not YAML."""
        import yaml

        if not text.strip():
            self.refuse_all(1, 1, "the file is empty: `poolsim init` writes one to start from")
        try:
            for event in yaml.parse(text, Loader=_loader()):
                if isinstance(event, yaml.DocumentStartEvent):
                    self.documents += 1
                    if self.documents > 1:
                        self.refuse(event.start_mark, "a second document: one file, one scenario")
                        break
                elif isinstance(event, yaml.NodeEvent):
                    self.node(event)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self.open.pop()
        except yaml.reader.ReaderError as error:
            line, column = _line_and_column(text, error)
            code = error.character if isinstance(error.character, int) else ord(error.character)
            self.refuse_all(line, column, f"character U+{code:04X} has no place in a text file")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self.refuse_all(line, column, f"not valid YAML: {_sentence(error)}")
        except (yaml.YAMLError, ValueError, OverflowError, IndexError) as error:
            self.refuse_all(1, 1, f"not valid YAML: {error}")
        if not self.has_root:
            self.refuse_all(1, 1, "the file is empty: `poolsim init` writes one to start from")

    def node(self, event: yaml.NodeEvent) -> None:
        """Take one value, the beginning of a block or list, or an alias."""
        import yaml

        self.nodes += 1
        if self.nodes > MOST_VALUES:
            where = self.position(event.start_mark)
            self.refuse_all(where.line, where.column, f"more than {MOST_VALUES:,} values")
        if self.open and self.takes_key():
            self.key(event)
            return
        path, skips = self.next_path()
        where = self.position(event.start_mark)
        if not skips:
            self.document.values[path] = where
        refused = self.refused(event, path)
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and not event.style
            value = plain_value(event.value) if plain else event.value
            self.put(value, path, skips or refused)
            return
        if isinstance(event, yaml.AliasEvent):
            self.put(None, path, True)
            return
        if len(self.open) >= DEEPEST_NESTING:
            self.refuse_all(
                where.line, where.column, f"nested more than {DEEPEST_NESTING} levels deep"
            )
        is_block = isinstance(event, yaml.MappingStartEvent)
        container = Block(path) if is_block else Items(path)
        self.put(container, path, skips or refused)
        self.open.append(_Open(container, expects_key=is_block, skips=skips or refused))

    def takes_key(self) -> bool:
        """Whether the next node of the innermost block is a key."""
        innermost = self.open[-1]
        return isinstance(innermost.container, Block) and innermost.expects_key

    def key(self, event: yaml.NodeEvent) -> None:
        """Take a key. One that is refused swallows its value."""
        import yaml

        innermost = self.open[-1]
        innermost.expects_key = False
        innermost.key = None
        path = innermost.container.path
        if isinstance(event, yaml.ScalarEvent) and not self.refused(event, path, is_key=True):
            name = event.value
            path = (*path, name)
            if name == "<<" and not event.style:
                self.refuse(event.start_mark, "merge keys (<<) are not used here: write them out")
            elif name in innermost.container:
                first = self.document.keys[path]
                message = f"duplicate key '{name}' (the first is in line {first.line})"
                self.refuse(event.start_mark, message, path)
            elif not name.isprintable() or not name or len(name) > 200:
                self.refuse(event.start_mark, "a key is a short word of printable characters")
            else:
                innermost.key = name
                if not innermost.skips:
                    self.document.keys[path] = self.position(event.start_mark)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.refuse(event.start_mark, "a key is a word, not a block or a list")
            # The block itself is read as something that nobody looks at.
            container = Block(path) if isinstance(event, yaml.MappingStartEvent) else Items(path)
            is_block = isinstance(container, Block)
            if len(self.open) >= DEEPEST_NESTING:
                mark = self.position(event.start_mark)
                self.refuse_all(
                    mark.line, mark.column, f"nested more than {DEEPEST_NESTING} levels deep"
                )
            self.open.append(_Open(container, expects_key=is_block, skips=True))
        elif isinstance(event, yaml.AliasEvent):
            self.refused(event, path, is_key=True)

    def next_path(self) -> tuple[TreePath, bool]:
        """The place of the value that comes next, and whether it is skipped."""
        if not self.open:
            return (), False
        innermost = self.open[-1]
        if isinstance(innermost.container, Items):
            innermost.count += 1
            return (*innermost.container.path, innermost.count - 1), innermost.skips
        innermost.expects_key = True
        if innermost.key is None:
            return innermost.container.path, True
        return (*innermost.container.path, innermost.key), innermost.skips

    def put(self, value: object, path: TreePath, skips: bool) -> None:
        """Place a value in the innermost block or list, or as the whole document."""
        if not self.open:
            if self.has_root:
                return
            self.has_root = True
            if isinstance(value, Block):
                self.document.root = value
                return
            where = self.document.values[()]
            kind = "a list" if isinstance(value, Items) else "a single value"
            self.refuse_all(
                where.line, where.column, f"the file is {kind}; a scenario is a block of keys"
            )
        innermost = self.open[-1]
        if isinstance(innermost.container, Items):
            innermost.container.append(None if skips else value)
            if skips and not innermost.skips:
                self.findings.break_off(path)
        elif innermost.key is not None:
            if skips:
                if not innermost.skips:
                    self.findings.break_off(path)
            else:
                innermost.container[innermost.key] = value

    def refused(self, event: yaml.NodeEvent, path: TreePath, is_key: bool = False) -> bool:
        """Note an anchor, alias or tag."""
        import yaml

        place = path if not is_key else None
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event.start_mark, f"alias *{event.anchor}: write the value out", place)
            return True
        if event.anchor is not None:
            self.refuse(event.start_mark, f"anchor &{event.anchor}: not used here", place)
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = tag if len(tag) <= 60 else tag[:60] + "..."
            self.refuse(event.start_mark, f"tag {shown}: not used here", place)
            return True
        return event.anchor is not None

    def position(self, mark: _Mark | None) -> Position:
        """The place of a mark; PyYAML's types allow for none."""
        if mark is None:
            return Position(self.document.name, 1, 1)
        return Position(self.document.name, mark.line + 1, mark.column + 1)

    def refuse(self, mark: _Mark | None, message: str, path: TreePath | None = None) -> None:
        """Note a mistake at a mark; the tree goes on being built."""
        where = self.position(mark)
        text = path_text(path) if path else ""
        self.findings.add_mistake(Mistake(where.file, where.line, where.column, text, message))

    def refuse_all(self, line: int, column: int, message: str) -> None:
        """Give up with this mistake and those before it."""
        self.findings.add_mistake(Mistake(self.document.name, line, column, "", message))
        raise self.findings.error() from None


def _loader() -> Any:
    """The parser in C, twenty times as fast, where PyYAML was built with it."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _line_and_column(text: str, error: yaml.reader.ReaderError) -> tuple[int, int]:
    """Where a character has no place; the parser in C counts bytes, the other one characters."""
    before = text[: error.position]
    if error.encoding != "unicode":
        before = text.encode()[: error.position].decode(errors="ignore")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _sentence(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's context and problem in one line."""
    parts = [part for part in (error.context, error.problem) if part]
    sentence = ", ".join(" ".join(part.split()) for part in parts) or "it cannot be read"
    return sentence if len(sentence) <= 200 else sentence[:200] + "..."
