"""What a run says when it broke a rule of its own: a bug in poolsim, never the user's."""

from __future__ import annotations


class InvariantViolation(Exception):
    """An invariant did not hold. The message names it with the seed, replication and time."""
