"""Many trials: run here or in other processes, what they reached added up."""

from __future__ import annotations

import hashlib
import multiprocessing
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from poolsim.fidelity.generator import generate
from poolsim.fidelity.soak.coverage import Item, everything
from poolsim.fidelity.soak.trial import Trial, attempt

LEAST_SHARE = 0.01
"""Of the scenarios, in which each thing that is registered must fire."""
_TRIALS_AT_A_TIME = 10


@dataclass(frozen=True, slots=True)
class Campaign:
    """What came of some trials.

    `counts`: for all that is registered, in order, in how many scenarios it fired. `digest`: of
    the digests of all trials, in the order of their seeds.
    """

    trials: int
    requests: int
    events: int
    counts: dict[Item, int]
    failures: tuple[Trial, ...]
    digest: str

    def share(self, item: Item) -> float:
        """The share of the scenarios in which something fired."""
        return self.counts[item] / self.trials

    @property
    def rare(self) -> tuple[Item, ...]:
        """What fired in fewer scenarios than LEAST_SHARE of them."""
        return tuple(item for item in self.counts if self.share(item) < LEAST_SHARE)


def try_seed(seed: int) -> Trial:
    """Generate the scenario of a seed and run it; nothing is raised."""
    try:
        scenario = generate(seed)
    except Exception:
        return Trial(seed, failure=f"no scenario: {traceback.format_exc(limit=-4)}")
    return attempt(scenario)


def try_seeds(seeds: Iterable[int], processes: int) -> Iterator[Trial]:
    """The trials of some seeds, in their order, in so many processes (1: in this one)."""
    if processes == 1:
        yield from map(try_seed, seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(try_seed, seeds, chunksize=_TRIALS_AT_A_TIME)


def run_campaign(
    seeds: range, processes: int, after_each: Callable[[int, int], None] = lambda _n, _f: None
) -> Campaign:
    """Run the scenarios of some seeds and add up.

    Args:
        seeds: at least one.
        processes: 1 runs them in this process.
        after_each: called with the numbers of trials and of failures so far.
    """
    fired: Counter[Item] = Counter()
    failures: list[Trial] = []
    requests = events = 0
    digests = hashlib.blake2b(digest_size=16)
    for count, trial in enumerate(try_seeds(seeds, processes), start=1):
        fired.update(trial.fired)
        requests += trial.requests
        events += trial.events
        digests.update(f"{trial.seed} {trial.digest}\n".encode())
        if trial.failure:
            failures.append(trial)
        after_each(count, len(failures))
    return Campaign(
        trials=len(seeds),
        requests=requests,
        events=events,
        counts={item: fired[item] for item in everything()},
        failures=tuple(failures),
        digest=digests.hexdigest(),
    )
