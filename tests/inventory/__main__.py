"""Keep the inventory: `python -m tests.inventory tokens FOLDER | check [FOLDER]`.

tokens FOLDER  read the documents in FOLDER and write what they hold into docs/inventory/tokens/
check          what the inventory does not account for; with FOLDER also whether its quotations
               stand where it says
page           write docs/inventory.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.inventory.coverage import complaints, idle_patterns
from tests.inventory.documents import DOCUMENTS, read, tokens_of
from tests.inventory.rows import (
    format_tokens,
    read_exclusions,
    read_not_built,
    read_rows,
    read_tokens,
    tokens_path,
)


def write_tokens(folder: Path) -> None:
    for document in DOCUMENTS:
        path = tokens_path(document)
        path.parent.mkdir(exist_ok=True)
        tokens = tokens_of(document, read(document, folder))
        path.write_text(format_tokens(tokens), encoding="utf-8")


def check() -> list[str]:
    rows = read_rows()
    found = complaints(read_tokens(), rows, read_exclusions())
    return [*found, *idle_patterns(rows, read_not_built())]


def main(arguments: list[str]) -> int:
    match arguments:
        case ["tokens", folder]:
            write_tokens(Path(folder))
            return 0
        case ["check"]:
            found = check()
            print("\n".join(found) or "everything is accounted for")
            return int(bool(found))
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
