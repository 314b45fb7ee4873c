"""Tells which rules a run called, at no cost to the runs of anybody else.

The code of every rule is replaced by a stand-in that notes the first call, puts the rule's own code
back and goes on with it. So a rule is as fast as ever from its second call on, and a rule that
another module imported by name, or that the switch of a port calls, is seen as well: the function
is the same, only its code was exchanged for a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, cast

_PLACE = "what is called instead"


def _stand_in(*arguments: Any) -> Any:
    called: Any = "what is called instead"
    return called(*arguments)


class Firing:
    """Which of some functions were called since `arm`. Only one may be armed at a time."""

    def __init__(self, functions: dict[str, Callable[..., Any]]) -> None:
        self._functions = {name: cast(FunctionType, f) for name, f in functions.items()}
        self._codes: dict[str, CodeType] = {
            name: function.__code__ for name, function in self._functions.items()
        }
        self._armed = {name: self._noting(name) for name in self._functions}
        self._fired: set[str] = set()

    def arm(self) -> None:
        """Forget what was called and wait for calls."""
        self._fired.clear()
        for name, function in self._functions.items():
            function.__code__ = self._armed[name]

    def disarm(self) -> frozenset[str]:
        """Put all functions back as they were; the names of those that were called."""
        for name, function in self._functions.items():
            function.__code__ = self._codes[name]
        return frozenset(self._fired)

    def _noting(self, name: str) -> CodeType:
        function, own = self._functions[name], self._codes[name]

        def first_call(*arguments: Any) -> Any:
            self._fired.add(name)
            function.__code__ = own
            return function(*arguments)

        code = _stand_in.__code__
        constants = tuple(first_call if one == _PLACE else one for one in code.co_consts)
        return code.replace(co_consts=cast(Any, constants))
