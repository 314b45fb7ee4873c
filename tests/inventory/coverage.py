"""Whether the inventory names every number and identifier of the documents, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tests.inventory.documents import tokens_in_prose
from tests.inventory.rows import Exclusion, NotBuilt, Place, Row, is_built

Tokens = dict[Place, list[str]]


def complaints(tokens: Tokens, rows: Sequence[Row], exclusions: Sequence[Exclusion]) -> list[str]:
    """What is wrong, one sentence each; none if all is well."""
    return [
        *_unaccounted(tokens, rows, exclusions),
        *_not_in_the_document(tokens, rows),
        *_idle_exclusions(tokens, rows, exclusions),
    ]


def idle_patterns(rows: Sequence[Row], not_built: Sequence[NotBuilt]) -> list[str]:
    """Entries of the list of what is not built that no row needs."""
    return [
        f"{one.source}: no row is called {one.pattern}"
        for one in not_built
        if all(is_built(row, [one]) for row in rows)
    ]


def _left_by_rows(tokens: Tokens, rows: Sequence[Row]) -> dict[Place, set[str]]:
    named: dict[Place, set[str]] = defaultdict(set)
    for row in rows:
        for place in row.places:
            named[place] |= row.words
    return {place: set(found) - named[place] for place, found in tokens.items()}


def _unaccounted(tokens: Tokens, rows: Sequence[Row], exclusions: Sequence[Exclusion]) -> list[str]:
    return [
        f"{document}:{line}: {token} is in no row and not excluded"
        for (document, line), left in _left_by_rows(tokens, rows).items()
        for token in sorted(left)
        if not any(one.covers((document, line), token) for one in exclusions)
    ]


def _not_in_the_document(tokens: Tokens, rows: Sequence[Row]) -> list[str]:
    """Numbers and identifiers that a row quotes and none of its lines holds."""
    found = []
    for row in rows:
        there = {token for place in row.places for token in tokens.get(place, ())}
        found += [
            f"{row.source}: {row.id} quotes {token}, which does not stand at {row.at}"
            for token in sorted(tokens_in_prose(row.quote) - there)
        ]
    return found


def _idle_exclusions(
    tokens: Tokens, rows: Sequence[Row], exclusions: Sequence[Exclusion]
) -> list[str]:
    """Exclusions that exclude nothing which a row does not name anyway."""
    left = _left_by_rows(tokens, rows)
    found = []
    for one in exclusions:
        for pattern in one.patterns:
            alone = Exclusion(one.document, one.lines, (pattern,), one.reason, one.source)
            if not any(alone.covers(place, token) for place in left for token in left[place]):
                found.append(f"{one.source}: {pattern} excludes nothing that a row leaves")
    return found
