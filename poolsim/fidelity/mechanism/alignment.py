"""Two lists of transitions beside each other: which are the same, which has no partner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poolsim.fidelity.mechanism.transitions import Transition
from poolsim.fidelity.stalls import Stalls

MOST_LEFT_OUT = 0.2
"""At most one transition in five may lie in a stall; with more the recording is made again."""

_ALONE = 1.0
_ALONE_IN_STALL = 1e-3
_SECOND_APART = 1e-6
_MOST_APART_S = 100.0
"""Costs of an alignment. First as few as possible without a partner outside of stalls, then as few
as possible at all; of those alike, the one that pairs what is close in time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A real transition and the simulated one that answers to it."""

    real: Transition
    simulated: Transition


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a recording's transitions and the simulated ones go together.

    pairs: of the same kind, in the same order; those in a stall are not among them.
    real_alone, simulated_alone: without a partner, outside of stalls. real, simulated: how many
    there are in all. left_out: real ones inside a stall.
    """

    pairs: tuple[Pair, ...]
    real_alone: tuple[Transition, ...]
    simulated_alone: tuple[Transition, ...]
    real: int
    simulated: int
    left_out: int

    @property
    def is_usable(self) -> bool:
        """Whether few enough transitions lie in stalls."""
        return self.left_out <= MOST_LEFT_OUT * self.real

    @property
    def differences(self) -> tuple[str, ...]:
        """What has no partner, in words, by time."""
        alone = [(one, "real only") for one in self.real_alone]
        alone += [(one, "simulated only") for one in self.simulated_alone]
        return tuple(
            f"{which}: {one.kind} at host {one.host}, {one.at_ns / 1e9:.2f} s"
            for one, which in sorted(alone, key=lambda two: two[0].at_ns)
        )

    def alone(self, kind: str) -> int:
        """How many of a kind have no partner, on the side that has more of them."""
        return max(
            sum(one.kind == kind for one in self.real_alone),
            sum(one.kind == kind for one in self.simulated_alone),
        )


def align(
    real: Sequence[Transition],
    simulated: Sequence[Transition],
    stalls: Stalls,
    ignored: Sequence[str] = (),
) -> Alignment:
    """Put two lists of transitions beside each other, host by host.

    Args:
        real: of a recording, by host and time.
        simulated: of its simulation, likewise.
        stalls: of the recording.
        ignored: kinds that are not looked at.
    """
    real = [one for one in real if one.kind not in ignored]
    simulated = [one for one in simulated if one.kind not in ignored]
    pairs: list[Pair] = []
    alone: list[Transition] = []
    other_alone: list[Transition] = []
    for host in sorted({one.host for one in (*real, *simulated)}):
        own = [one for one in real if one.host == host]
        other = [one for one in simulated if one.host == host]
        for a, b in _best(own, other, stalls):
            if a is not None and b is not None:
                pairs.append(Pair(a, b))
            elif a is not None:
                alone.append(a)
            elif b is not None:
                other_alone.append(b)
    return Alignment(
        pairs=tuple(pair for pair in pairs if not stalls.concern(pair.real.at_ns)),
        real_alone=tuple(one for one in alone if not stalls.concern(one.at_ns)),
        simulated_alone=tuple(one for one in other_alone if not stalls.concern(one.at_ns)),
        real=len(real),
        simulated=len(simulated),
        left_out=sum(stalls.concern(one.at_ns) for one in real),
    )


def _best(
    own: Sequence[Transition], other: Sequence[Transition], stalls: Stalls
) -> list[tuple[Transition | None, Transition | None]]:
    """The cheapest way to go through both lists: pairs, or one of them alone."""
    alone = [_ALONE_IN_STALL if stalls.concern(one.at_ns) else _ALONE for one in own]
    other_alone = [_ALONE_IN_STALL if stalls.concern(one.at_ns) else _ALONE for one in other]
    # cost[i, j]: of what follows the first i and the first j.
    cost = np.zeros((len(own) + 1, len(other) + 1))
    cost[:-1, -1] = np.cumsum(alone[::-1])[::-1]
    cost[-1, :-1] = np.cumsum(other_alone[::-1])[::-1]
    for i in range(len(own) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            cost[i, j] = min(cost[i + 1, j] + alone[i], cost[i, j + 1] + other_alone[j])
            if own[i].kind == other[j].kind:
                cost[i, j] = min(cost[i, j], cost[i + 1, j + 1] + _apart(own[i], other[j]))
    way: list[tuple[Transition | None, Transition | None]] = []
    i = j = 0
    while i < len(own) or j < len(other):
        can_pair = i < len(own) and j < len(other) and own[i].kind == other[j].kind
        if can_pair and cost[i, j] == cost[i + 1, j + 1] + _apart(own[i], other[j]):
            way.append((own[i], other[j]))
            i, j = i + 1, j + 1
        elif i < len(own) and (j == len(other) or cost[i, j] == cost[i + 1, j] + alone[i]):
            way.append((own[i], None))
            i += 1
        else:
            way.append((None, other[j]))
            j += 1
    return way


def _apart(one: Transition, other: Transition) -> float:
    return _SECOND_APART * min(abs(one.at_ns - other.at_ns) / 1e9, _MOST_APART_S)
