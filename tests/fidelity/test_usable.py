"""A repetition that a busy machine spoiled says so, and a good one says nothing."""

from pathlib import Path

import pytest

from poolsim.fidelity.validation.usable import why_again
from tests.fidelity import synthetic_recordings as synthetic
from tests.fidelity.synthetic_recordings import Perturbation, Tables, write


def _late_backends(share: float) -> Perturbation:
    def perturb(tables: Tables) -> None:
        tables.meta["late_backends"] = round(share * len(tables.requests["number"]))

    return perturb


def _stalls_everywhere(tables: Tables) -> None:
    for second in range(1, tables.plan.scenario.duration_ns // synthetic.SECOND - 1):
        synthetic.stall_at(second)(tables)


@pytest.mark.parametrize(
    ("perturb", "reason"),
    [
        (_late_backends(0.008), ""),
        (_late_backends(0.012), "in 1.2% of its requests the node was slower than its pace"),
        (_stalls_everywhere, "of its requests lie outside of stalls"),
    ],
)
def test_what_spoils_a_repetition(tmp_path: Path, perturb: Perturbation, reason: str) -> None:
    said = why_again(write(tmp_path, synthetic.STEADY_PLAN, perturb))
    assert (reason in said) if reason else (said == "")


def test_bare_nodes_have_no_bar_to_be_made_again_for(tmp_path: Path) -> None:
    def on_bare_nodes(tables: Tables) -> None:
        _stalls_everywhere(tables)
        tables.meta["nodes"] = "bare"

    assert why_again(write(tmp_path, synthetic.STEADY_PLAN, on_bare_nodes)) == ""
