"""The error of a machine on which the harness cannot work."""

from __future__ import annotations


class NotReady(Exception):
    """Something that the harness needs is missing or in the way; the message says what to do."""
