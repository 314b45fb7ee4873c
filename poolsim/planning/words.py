"""Values in the sentences of planning: SI values with the units that people read."""

from __future__ import annotations

import math

from poolsim.estimation.results import Estimate

_STEPS = {
    "s": ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s")),
    "1/s": ((1.0, "/s"), (1e3, "k/s"), (1e6, "M/s")),
    "share": ((0.01, "%"),),
    "count": ((1.0, ""),),
    "B": ((1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")),
}


def number_text(value: float, unit: str, digits: int = 3) -> str:
    """`12.3ms`, `20k/s`, `4.2%`, `1,234`; "no value" for NaN."""
    if math.isnan(value):
        return "no value"
    step, sign = _STEPS[unit][0]
    for larger, larger_sign in _STEPS[unit]:
        if abs(value) >= larger * 0.9995:
            step, sign = larger, larger_sign
    scaled = value / step
    if abs(scaled) >= 10**digits or float(scaled).is_integer():
        return f"{scaled:,.0f}{sign}"
    return f"{float(f'{scaled:.{digits - 1}e}'):g}{sign}"


def value_text(estimate: Estimate) -> str:
    """The mean of an estimate."""
    return number_text(estimate.mean, estimate.unit)
