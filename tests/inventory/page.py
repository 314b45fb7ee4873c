"""docs/inventory.md: every statement of the documents, where it is set, which test asserts it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent

from tests.inventory.documents import DOCUMENTS
from tests.inventory.marks import Mark
from tests.inventory.rows import SYSTEMS, NotBuilt, Row, is_built

PAGE = Path(__file__).parents[2] / "docs" / "inventory.md"
TITLES = {
    "java3": "java3: the DSE and DataStax Java driver",
    "python": "python: the Cassandra Python driver under async-cassandra",
    "async-cassandra": "async-cassandra: the wrapper",
    "generic": "generic: asynchronous connections",
    "nodejs": "nodejs: the Node.js driver under CassandraORM",
    "cassandraorm": "cassandraorm: CassandraORM JS",
}
INTRODUCTION = """\
    # What the documents say, and which test asserts it

    Five documents describe the systems that poolsim simulates. Every option, behaviour, metric and
    figure of theirs is a row here: where it stands (document:line), the name or number quoted, what
    it means, where it is set or seen in poolsim, and the tests that assert it. `make test` fails
    where a row of what is built has no test that passes.

    The documents were read against it a second time, line by line from their ends: that added the
    keyspace and the first connecting of CassandraORM, the three things that are wrong with its
    over-configured example, thousands of requests on few connections, and says where document 004
    breaks off and document 002 counts a connection's memory twice as high as elsewhere.

    Written by `python -m tests.inventory page`; the rows are in `docs/inventory/`, one file a
    document. Where a document and a driver's source differ, see [differences.md](differences.md).
    """


def page_text(rows: Sequence[Row], not_built: Sequence[NotBuilt], marks: Sequence[Mark]) -> str:
    """The whole page."""
    return "\n".join([dedent(INTRODUCTION), *_body(rows, not_built, marks)])


def _body(
    rows: Sequence[Row], not_built: Sequence[NotBuilt], marks: Sequence[Mark]
) -> Iterator[str]:
    yield "| document | |\n|---|---|"
    for document in DOCUMENTS:
        yield f"| {document.number} | {document.title} |"
    yield "\n| system | rows | built | asserted by a test |\n|---|---|---|---|"
    asserted = {mark.row for mark in marks}
    used = [system for system in SYSTEMS if any(row.system == system for row in rows)]
    for system in used:
        own = [row for row in rows if row.system == system]
        built = [row for row in own if is_built(row, not_built)]
        tested = [row for row in own if row.id in asserted]
        yield f"| {system} | {len(own)} | {len(built)} | {len(tested)} |"
    for system in used:
        yield f"\n## {TITLES[system]}\n"
        yield "| row | at | quoted | kind | meaning | in poolsim | asserted by |"
        yield "|---|---|---|---|---|---|---|"
        for row in rows:
            if row.system == system:
                yield _line(row, not_built, [mark for mark in marks if mark.row == row.id])
    yield ""


def _line(row: Row, not_built: Sequence[NotBuilt], marks: Sequence[Mark]) -> str:
    tests = [
        f"[{mark.test or Path(mark.path).name}](../{mark.path})"
        for mark in sorted(marks, key=lambda mark: (mark.path, mark.line))
    ]
    waits_for = [one.why for one in not_built if not is_built(row, [one])]
    asserted = "<br>".join(tests)
    if waits_for:
        asserted = "<br>".join([f"not built: {waits_for[0]}", *tests])
    cells = (
        f"`{row.id}`",
        row.at,
        " ".join(f"`{quote}`" for quote in row.quote.split("; ")),
        row.kind,
        row.meaning,
        row.poolsim.replace("; ", "<br>"),
        asserted,
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
