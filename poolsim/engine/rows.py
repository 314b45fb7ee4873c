"""How many columns the rows have that an engine hands over (recording/columns.py)."""

from __future__ import annotations

REQUEST_WIDTH = 12
NOTE_WIDTH = 6
SAMPLE_WIDTH = 14

INTENDED = 5
ENDED = 9
"""Columns of a request's row from which the engine adds up latencies."""
