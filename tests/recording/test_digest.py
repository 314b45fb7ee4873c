"""Digests tell different runs apart and equal ones not."""

import numpy as np
import pytest

from poolsim.recording import digest
from poolsim.recording.digest import RunDigest, inputs_hash, joined_digest


def run_digest(notes: np.ndarray, requests: np.ndarray, size: int, notes_first: bool) -> str:
    found = RunDigest()
    batches = [("requests", requests[k : k + size]) for k in range(0, len(requests), size)]
    noted = [("notes", notes[k : k + size]) for k in range(0, len(notes), size)]
    for kind, batch in noted + batches if notes_first else batches + noted:
        getattr(found, kind)(batch)
    return found.hexdigest()


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    return random.integers(0, 1000, (40, 6)), random.integers(0, 1000, (300, 12))


def test_batches_and_their_order_do_not_matter(rows: tuple[np.ndarray, np.ndarray]) -> None:
    digests = {
        run_digest(*rows, size, notes_first)
        for size in (1, 7, 1000)
        for notes_first in (True, False)
    }
    assert len(digests) == 1


@pytest.mark.parametrize("column", range(12))
def test_every_column_of_a_request_counts(rows: tuple[np.ndarray, np.ndarray], column: int) -> None:
    notes, requests = rows
    changed = requests.copy()
    changed[150, column] += 1
    assert run_digest(notes, changed, 50, True) != run_digest(notes, requests, 50, True)


def test_what_happened_to_whom_counts_of_a_note_and_its_value_does_not(
    rows: tuple[np.ndarray, np.ndarray],
) -> None:
    notes, requests = rows
    for column in range(6):
        changed = notes.copy()
        changed[20, column] += 1
        same = run_digest(changed, requests, 50, True) == run_digest(notes, requests, 50, True)
        assert same == (column == 5)


def test_the_order_of_rows_counts(rows: tuple[np.ndarray, np.ndarray]) -> None:
    notes, requests = rows
    assert run_digest(notes, requests[::-1], 50, True) != run_digest(notes, requests, 50, True)
    assert joined_digest(("a", "b")) != joined_digest(("b", "a"))


def test_strided_rows_are_hashed_as_their_copy(rows: tuple[np.ndarray, np.ndarray]) -> None:
    notes, requests = rows
    strided = np.asfortranarray(requests)
    assert run_digest(notes, strided, 50, True) == run_digest(notes, requests, 50, True)


def test_inputs_are_scenario_model_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    before = inputs_hash("seed: 7\n")
    assert before == inputs_hash("seed: 7\n")
    assert before != inputs_hash("seed: 8\n")
    texts = digest._model_texts()
    assert "kinds.py" in texts
    assert texts[::2] == sorted(texts[::2])
    monkeypatch.setattr(digest, "_model_texts", lambda: [*texts[:-1], texts[-1] + "#"])
    assert inputs_hash("seed: 7\n") != before
    monkeypatch.undo()
    monkeypatch.setattr(np, "__version__", "0")
    assert inputs_hash("seed: 7\n") != before
