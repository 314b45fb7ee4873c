"""Numbers and identifiers of a document: what the inventory must account for, line by line.

The documents themselves are not in the repository. `python -m tests.inventory tokens FOLDER` reads
them and writes what is found into docs/inventory/tokens/, which is; everything else works on that.

In prose a token is a number with its unit (`10.24x`, `64KB`), an address, whatever stands in
backquotes, and a word that reads as code: with an underscore, a digit, a hump (`poolTimeoutMillis`)
or a dot in it, in capitals, or called. In code every word and number is one, comments excepted,
which are prose; a name with hyphens (`us-east-1`) is one token. The number of a list's entry or of
a heading is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the inventory.

    `code` holds the lines that are code where no fence says so.
    """

    number: str
    title: str
    code: frozenset[int] = frozenset()


def line_numbers(text: str) -> list[int]:
    """`17,79-81` as numbers; raises ValueError where it is none of that."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


DOCUMENTS = (
    Document("000", "Connection Pooling in async-cassandra"),
    Document(
        "001",
        "Connection Pooling in async-cassandra, as a web page",
        frozenset(line_numbers("79-87,93-114,120-131,137-150,156-230,236-237")),
    ),
    Document("002", "Asynchronous Connections"),
    Document("003", "Connection Pool Management of CassandraORM JS"),
    Document(
        "004",
        "Connection pooling of the DSE Java driver",
        frozenset(line_numbers("27-33,37,44-48,52-54,83-85,97,125-147")),
    ),
)

ADDRESS = re.compile(r"https?://[^\s)\]]+|(?<=\]\()[^)\s]+(?=\))")
BACKQUOTED = re.compile(r"`([^`]+)`")
NUMBERING = re.compile(r"^\s*(?:#+\s*)?\d+\.\s")
NUMBER = r"(?<![\w.])\d+(?:[.,]\d+)*(?:[A-Za-zµμ]+\b|%)?"
PROSE = re.compile(rf"{NUMBER}|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\(?")
CODE = re.compile(rf"{NUMBER}|[A-Za-z_]\w*(?:-\w+)*")
READS_AS_CODE = re.compile(r"_|\d|[a-z][A-Z]|[A-Z]{2}|\.|\($")
FENCE = re.compile(r"^\s*```(\w*)\s*$")
LANGUAGES = ("python", "typescript")
DOCSTRING = re.compile(r'"""(.*?)"""')
COMMENT = re.compile(r"(?:#|//)(.*)$")


def tokens_of(document: Document, text: str) -> dict[int, list[str]]:
    """Tokens by line, counted from 1: sorted, each once; lines without any are left out."""
    found = {}
    for number, line, code in _lines(document, text):
        tokens = sorted(set(_of_code_line(line) if code else _of_prose(line)))
        if tokens:
            found[number] = tokens
    return found


def words_of(code: str) -> set[str]:
    """Every word and number of a piece of code, or of a quotation."""
    spans = [match.group() for match in ADDRESS.finditer(code)]
    return {*spans, *CODE.findall(ADDRESS.sub(" ", code))}


def tokens_in_prose(text: str) -> set[str]:
    """Tokens of one line of prose."""
    return set(_of_prose(text))


def read(document: Document, folder: Path) -> str:
    """The text of a document; raises FileNotFoundError where the folder does not hold it."""
    for path in sorted(folder.glob(f"{document.number}_*.txt")):
        return path.read_text(encoding="utf-8", errors="replace")
    raise FileNotFoundError(f"{folder}: no file {document.number}_*.txt ({document.title})")


def _lines(document: Document, text: str) -> Iterator[tuple[int, str, bool]]:
    """Number, text and whether it is code, of each line that is no fence."""
    language = None
    for number, line in enumerate(text.split("\n"), start=1):
        fence = FENCE.match(line)
        if fence:
            language = fence.group(1) if language is None else None
            continue
        code = number in document.code or language in LANGUAGES
        # Within a picture's text \n breaks the line.
        yield number, line.replace("\\n", " "), code


def _of_code_line(line: str) -> Iterator[str]:
    comments: list[str] = []

    def keep(match: re.Match[str]) -> str:
        comments.append(match.group(1))
        return " "

    yield from words_of(COMMENT.sub(keep, DOCSTRING.sub(keep, line)))
    for comment in comments:
        yield from _of_prose(comment)


def _of_prose(line: str) -> Iterator[str]:
    yield from ADDRESS.findall(line)
    rest = NUMBERING.sub(" ", ADDRESS.sub(" ", line))
    for match in BACKQUOTED.finditer(rest):
        yield from words_of(match.group(1))
    for match in PROSE.finditer(BACKQUOTED.sub(" ", rest)):
        word = match.group()
        if word[0].isdigit():
            yield word
        elif READS_AS_CODE.search(word):
            yield from word.removesuffix("(").split(".")
