"""What a validation amounts to, as an exit code."""

from __future__ import annotations

from typing import Any

from poolsim.fidelity.checks import HELD, NOT_HELD, NOT_MEASURABLE

ALL_WELL, FAILED, INCONCLUSIVE = 0, 1, 4

PLANS = 8
FEWEST_HELD = 6
"""Of eight plans or predictions, measurable and held; of fewer, the same share."""
FEWEST_HELD_P99 = 4


def exit_code(document: dict[str, Any], *, quick: bool) -> int:
    """0: all that was judged held; 1: a decision differs or a figure misses its bar; 4: nothing
    misses, and too little could be measured."""
    summary = document["summary"]
    decisions, mechanism = summary["T1"], summary["T2"]
    if decisions["identical"] < decisions["walks"] or mechanism[NOT_HELD]:
        return FAILED
    if any(counts[NOT_HELD] for counts in summary["T3"].values()):
        return FAILED
    if not decisions["walks"]:
        return INCONCLUSIVE
    if quick:
        return INCONCLUSIVE if mechanism[NOT_MEASURABLE] or not mechanism[HELD] else ALL_WELL
    return ALL_WELL if _enough(mechanism, summary["T3"]) else INCONCLUSIVE


def _enough(mechanism: dict[str, int], performance: dict[str, dict[str, int]]) -> bool:
    """Whether six plans of T2, and of T3 six predictions in p50 and four in p99, were measurable
    and held; of throughput, rejections and wait as many of the settings to which they apply."""
    if mechanism[HELD] < FEWEST_HELD:
        return False
    for key in ("p50", "p99"):
        fewest = FEWEST_HELD_P99 if key == "p99" else FEWEST_HELD
        if performance.get(key, {}).get(HELD, 0) < fewest:
            return False
    others = [counts for key, counts in performance.items() if key not in ("p50", "p99")]
    return all(
        counts[HELD] * PLANS >= min(FEWEST_HELD * sum(counts.values()), FEWEST_HELD * PLANS)
        for counts in others
    )
