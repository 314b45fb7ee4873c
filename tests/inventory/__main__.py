"""Keep the inventory: `python -m tests.inventory COMMAND`.

tokens FOLDER   read the documents in FOLDER and write what they hold into docs/inventory/tokens/
check [FOLDER]  what the inventory does not account for; with FOLDER also whether the tokens are
                those of the documents there
page            write docs/inventory.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.inventory.coverage import complaints, idle_patterns
from tests.inventory.documents import DOCUMENTS, read, tokens_of
from tests.inventory.marks import read_marks
from tests.inventory.page import PAGE, page_text
from tests.inventory.rows import (
    format_tokens,
    read_exclusions,
    read_not_built,
    read_rows,
    read_tokens,
    tokens_path,
)
from tests.inventory.settings import unknown_settings


def main(arguments: list[str]) -> int:
    """Exit code: 0 all well, 1 something is not accounted for, 2 usage."""
    match arguments:
        case ["tokens", folder]:
            for path, text in _token_files(Path(folder)).items():
                path.write_text(text, encoding="utf-8")
            return 0
        case ["check", *folders] if len(folders) <= 1:
            found = [line for folder in folders for line in _outdated(Path(folder))] + _check()
            print("\n".join(found) or "everything is accounted for")
            return int(bool(found))
        case ["page"]:
            PAGE.write_text(page_text(read_rows(), read_not_built(), read_marks()), "utf-8")
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


def _token_files(folder: Path) -> dict[Path, str]:
    return {
        tokens_path(document): format_tokens(tokens_of(document, read(document, folder)))
        for document in DOCUMENTS
    }


def _outdated(folder: Path) -> list[str]:
    return [
        f"{path.name}: not what the document in {folder} holds; write it anew"
        for path, text in _token_files(folder).items()
        if path.read_text(encoding="utf-8") != text
    ]


def _check() -> list[str]:
    rows, not_built = read_rows(), read_not_built()
    return [
        *complaints(read_tokens(), rows, read_exclusions()),
        *idle_patterns(rows, not_built),
        *unknown_settings(rows, not_built),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
