"""Two lists of transitions beside each other: which are the same, which has no partner."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from poolsim.fidelity.mechanism.transitions import Transition
from poolsim.fidelity.stalls import Stalls

MOST_LEFT_OUT = 0.2
"""At most one transition in five may lie in a stall; with more the recording is made again."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A real transition and the simulated one that answers to it."""

    real: Transition
    simulated: Transition


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a recording's transitions and the simulated ones go together.

    pairs: of the same kind, at the same place in the order; those in a stall are not among them.
    differences: what has no partner, outside of stalls, in words. real, simulated: how many there
    are. left_out: real ones inside a stall.
    """

    pairs: tuple[Pair, ...]
    differences: tuple[str, ...]
    real: int
    simulated: int
    left_out: int

    @property
    def is_usable(self) -> bool:
        """Whether few enough transitions lie in stalls."""
        return self.left_out <= MOST_LEFT_OUT * self.real


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
    differences: list[str] = []
    for host in sorted({one.host for one in (*real, *simulated)}):
        own = [one for one in real if one.host == host]
        other = [one for one in simulated if one.host == host]
        matcher = difflib.SequenceMatcher(
            None, [one.kind for one in own], [one.kind for one in other], autojunk=False
        )
        for tag, a, a_end, b, b_end in matcher.get_opcodes():
            if tag == "equal":
                both = zip(own[a:a_end], other[b:b_end], strict=True)
                pairs += [Pair(*two) for two in both if not stalls.concern(two[0].at_ns)]
                continue
            differences += _unmatched(own[a:a_end], "real only", stalls)
            differences += _unmatched(other[b:b_end], "simulated only", stalls)
    left_out = sum(stalls.concern(one.at_ns) for one in real)
    return Alignment(tuple(pairs), tuple(differences), len(real), len(simulated), left_out)


def _unmatched(transitions: Sequence[Transition], which: str, stalls: Stalls) -> list[str]:
    return [
        f"{which}: {one.kind} at host {one.host}, {one.at_ns / 1e9:.2f} s"
        for one in transitions
        if not stalls.concern(one.at_ns)
    ]
