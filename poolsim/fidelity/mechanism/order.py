"""All transitions in the same order, in every recording that is worth anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from poolsim.fidelity.checks import NOT_MEASURABLE, Check
from poolsim.fidelity.mechanism.compared import Compared, figure


def order(runs: Sequence[Compared]) -> Check:
    """The figure: how many transitions of the worst recording have no partner.

    Recordings with more than one transition in five inside stalls do not count; if none is left,
    nothing can be said.
    """
    every = runs
    runs = [one for one in runs if one.alignment.is_usable] or runs
    check = figure(
        "order",
        "transitions out of order",
        "count",
        [float(one.alignment.real) for one in runs],
        [float(one.alignment.simulated) for one in runs],
        float(max(len(one.alignment.differences) for one in runs)),
        0.0,
        note="; ".join(_notes(every, runs)),
    )
    if any(one.alignment.is_usable for one in every):
        return check
    return replace(check, verdict=NOT_MEASURABLE)


def _notes(every: Sequence[Compared], runs: Sequence[Compared]) -> list[str]:
    notes = ["values are how many transitions there are"]
    unusable = [one.recording.name for one in every if not one.alignment.is_usable]
    if unusable:
        notes.append(
            f"not counted, more than one transition in five inside a stall: {', '.join(unusable)}"
        )
    left_out = sum(one.alignment.left_out for one in runs)
    if left_out:
        notes.append(f"{left_out} transitions inside stalls left out")
    wrong = [one for one in runs if one.alignment.differences]
    if wrong:
        differences = wrong[0].alignment.differences
        more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
        notes.append(
            f"{len(wrong)} of {len(runs)} recordings differ; first in "
            f"{wrong[0].recording.name}: {differences[0]}{more}"
        )
    return notes
