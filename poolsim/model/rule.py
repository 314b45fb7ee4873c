"""Marks the functions that both engines execute, and finds them again.

A rule is a plain function over records. `@rule` only collects it; `@handles` also names the event
kind that it answers. The SimPy engine calls rules as they stand; a compiled engine has the very
same functions compiled. What follows from that for whoever writes one: integers and records only,
no generator, no recursion (consequences go through the ready list of `client/request.py`), no
floating point, every path returns the same type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from poolsim.model.kinds import EVENT_KINDS

Rule = TypeVar("Rule", bound=Callable[..., Any])

RULES: dict[str, Callable[..., Any]] = {}
"""Every rule by `module.function`, in order of definition."""

HANDLERS: list[Callable[..., None] | None] = [None] * EVENT_KINDS
"""The rule `(world, target, now)` that answers each event kind."""


def rule(function: Rule) -> Rule:
    """Collect a rule; the function itself is unchanged."""
    name = f"{function.__module__.removeprefix('poolsim.model.')}.{function.__qualname__}"
    assert name not in RULES, f"two rules are called {name}"
    RULES[name] = function
    return function


def handles(kind: int) -> Callable[[Rule], Rule]:
    """Collect a rule that answers an event kind. Each kind has exactly one."""

    def mark(function: Rule) -> Rule:
        assert HANDLERS[kind] is None, f"event kind {kind} has a handler already"
        HANDLERS[kind] = function
        return rule(function)

    return mark
