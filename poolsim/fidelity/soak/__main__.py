"""`python -m poolsim.fidelity.soak SEED...`: the random scenario of a seed, what is wrong with it,
and the smallest scenario found that is wrong in the same way, as YAML for `poolsim run`."""

from __future__ import annotations

import re
import sys

from poolsim.fidelity.generator import generate
from poolsim.fidelity.soak.shrink import shrink
from poolsim.fidelity.soak.trial import attempt
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Scenario

_GIST_LENGTH = 90


def describe(seed: int) -> str:
    """The scenario of a seed as YAML, with its failure if it has one, then as small as it gets."""
    scenario = generate(seed)
    trial = attempt(scenario)
    if not trial.failure:
        return f"# {trial.requests:,} requests ended, all well\n{to_yaml(scenario)}"
    wanted = _gist(trial.failure)

    def fails(smaller: Scenario) -> bool:
        return _gist(attempt(smaller, fewest_ends=0).failure) == wanted

    smallest = shrink(scenario, fails)
    failure = "\n".join(f"# {line}" for line in trial.failure.strip().splitlines())
    return f"{failure}\n{to_yaml(smallest)}"


def _gist(failure: str) -> str:
    """The beginning of a failure's last line without its numbers: what makes two the same."""
    lines = failure.strip().splitlines()
    return re.sub(r"-?\d+(\.\d+)?", "N", lines[-1])[:_GIST_LENGTH] if lines else ""


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(f"{describe(int(argument))}\n")
