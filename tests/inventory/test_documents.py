"""What of a document must be accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventory.documents import Document, line_numbers, read, tokens_of


def tokens(text: str, code: str = "") -> dict[int, list[str]]:
    marked = frozenset(line_numbers(code)) if code else frozenset()
    return tokens_of(Document("009", "a document", marked), text)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("up to 32,768 requests, 10.24x, 1.6M and ~64KB", ["1.6M", "10.24x", "32,768", "64KB"]),
        ("80% of max, 2-8 connections on v3+", ["2", "8", "80%", "v3"]),
        ("set PoolingOptions.setIdleTimeoutSeconds", ["PoolingOptions", "setIdleTimeoutSeconds"]),
        ("call `connect()` with TCP_NODELAY, or close_all(now)", "TCP_NODELAY close_all connect"),
        ("| 1. a picture's step | in_flight < LOCAL", ["1", "LOCAL", "in_flight"]),
        ("see [a page](https://example.org/a_b) and [b](./b.md)", "./b.md https://example.org/a_b"),
        ("Nothing here. The pool grows", []),
        ("3. **the third** of a list", []),
        ("### 2. A heading", []),
        (r"[Connection 1\n847 in-flight] as C1", ["1", "847", "C1"]),
    ],
)
def test_prose(line: str, found: list[str] | str) -> None:
    expected = found.split() if isinstance(found, str) else found
    assert tokens(line).get(1, []) == expected


def test_in_code_every_word_is_one_and_comments_are_prose() -> None:
    text = "a word\n```typescript\npool.size({ 'us-east-1': 16 }) // too many of 5\n```\nand after"
    assert tokens(text) == {3: ["16", "5", "pool", "size", "us-east-1"]}


def test_a_fence_without_a_language_is_prose() -> None:
    assert tokens("```\nif (pool_size < max):\n```") == {2: ["pool_size"]}


def test_lines_that_are_code_without_a_fence() -> None:
    text = 'interval = 60\n"""Run it"""\nwait(interval)'
    assert tokens(text, "1-2") == {1: ["60", "interval"], 3: ["wait"]}


def test_a_document_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file 009_\*\.txt \(a document\)"):
        read(Document("009", "a document"), tmp_path)
