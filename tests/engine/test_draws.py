import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from poolsim.engine.draws import BLOCK, BLOCKS_KEPT, Draws, uniforms_of
from poolsim.fidelity.generator import generate
from poolsim.model.laws.arrivals import NEVER, arrival_times
from poolsim.model.laws.choices import codes, integers_between
from poolsim.model.laws.durations import quantile_ns
from poolsim.scenario.scenario import Law, Load, Phase

S = 1_000_000_000
SERVICE = quantile_ns(Law("exponential", mean_ns=1_400_000))
ARRIVALS = arrival_times(Load("poisson", rate=5000.0), 100 * S)


def three_lanes(seed: int = 7, replication: int = 0) -> Draws:
    draws = Draws(seed, replication)
    assert draws.add_sequential("arrivals/api", ARRIVALS) == 0
    assert draws.add("service/api", SERVICE) == 1
    assert draws.add("plan/api", codes()) == 2
    return draws


ADDRESSES = st.tuples(
    st.integers(0, 2), st.integers(0, 5 * BLOCK - 1), st.sampled_from([0, 0, 0, 1, 5])
)


@settings(max_examples=30, deadline=None)
@given(st.lists(ADDRESSES, min_size=1, max_size=30))
def test_no_order_or_interleaving_changes_a_value(addresses) -> None:
    together = three_lanes()
    asked = [together.at(*address) for address in addresses]
    alone = [three_lanes().at(*address) for address in addresses[:3]]
    backwards = three_lanes()
    again = [backwards.at(*address) for address in reversed(addresses)]
    assert asked[:3] == alone
    assert asked == again[::-1]
    assert all(type(value) is int for value in asked)


def test_at_and_block_agree_and_a_block_cannot_be_changed() -> None:
    draws = three_lanes()
    for lane in range(3):
        for attempt in (0, 1):
            values = draws.block(lane, 2, attempt)
            assert values.dtype == np.int64
            numbers = range(2 * BLOCK, 3 * BLOCK)
            assert [draws.at(lane, number, attempt) for number in numbers] == values.tolist()
            with pytest.raises(ValueError, match="read-only"):
                values[0] = 1


def test_no_stream_changes_another() -> None:
    many = three_lanes()
    only = Draws(7, 0)
    lane = only.add("plan/api", codes())
    assert only.block(lane, 0, 0).tolist() == many.block(2, 0, 0).tolist()


def test_another_law_keeps_the_uniforms() -> None:
    """Twice the mean is twice each value: common random numbers across settings of a law."""
    slow = Draws(7, 0)
    lane = slow.add("service/api", quantile_ns(Law("exponential", mean_ns=2_800_000)))
    ratio = slow.block(lane, 0, 0) / three_lanes().block(1, 0, 0)
    np.testing.assert_allclose(ratio, 2.0, rtol=0.01)


def test_everything_in_an_address_matters() -> None:
    draws, other_replication, other_seed = three_lanes(), three_lanes(7, 1), three_lanes(8, 0)
    twin = draws.add("plan/api2", codes())
    blocks = [
        draws.block(2, 0, 0),
        draws.block(2, 1, 0),
        draws.block(2, 0, 1),
        draws.block(twin, 0, 0),
        other_replication.block(2, 0, 0),
        other_seed.block(2, 0, 0),
    ]
    assert len({value for block in blocks for value in block.tolist()}) == len(blocks) * BLOCK


def test_a_wide_seed_is_not_taken_for_a_replication() -> None:
    wide, narrow = three_lanes(5 + (7 << 32), 0), three_lanes(5, 7)
    assert wide.block(2, 0, 0).tolist() != narrow.block(2, 0, 0).tolist()


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_distributions(seed: int) -> None:
    draws = three_lanes(seed)
    jitter = draws.add("jitter/api", integers_between(85, 115))
    service = np.concatenate([draws.block(1, k, 0) for k in range(5)])
    assert stats.kstest(service, stats.expon(scale=1_400_000).cdf).pvalue > 0.001
    gaps = np.diff(np.concatenate([draws.block(0, k, 0) for k in range(5)]))
    assert stats.kstest(gaps, stats.expon(scale=S / 5000).cdf).pvalue > 0.001
    plans = np.concatenate([draws.block(2, k, 0) for k in range(5)])
    assert stats.chisquare(np.bincount(plans % 8, minlength=8)).pvalue > 0.001
    jitters = np.concatenate([draws.block(jitter, k, 0) for k in range(5)])
    assert stats.chisquare(np.bincount(jitters - 85, minlength=31)).pvalue > 0.001


def test_streams_attempts_and_replications_are_uncorrelated() -> None:
    draws, other = three_lanes(), three_lanes(7, 1)
    twin = draws.add("service/web", SERVICE)
    base = draws.block(1, 0, 0)
    bound = 4 / np.sqrt(BLOCK)
    for block in (draws.block(twin, 0, 0), draws.block(1, 0, 1), other.block(1, 0, 0)):
        assert abs(stats.spearmanr(base, block).statistic) < bound


def test_sequential_blocks_go_on_where_the_one_before_ended() -> None:
    draws = three_lanes()
    late = draws.block(0, 4, 0)
    times = np.concatenate([draws.block(0, k, 0) for k in range(5)])
    assert (np.diff(times) >= 0).all()
    np.testing.assert_array_equal(times[4 * BLOCK :], late)
    assert times[-1] * 5000 / S == pytest.approx(5 * BLOCK, rel=0.03)


def test_arrivals_end_with_never() -> None:
    draws = Draws(7, 0)
    spike = Phase("spike", "rate", S, S, 9000.0)
    lane = draws.add_sequential(
        "arrivals/api", arrival_times(Load("poisson", rate=100.0, phases=(spike,)), 3 * S)
    )
    assert draws.at(lane, 0, 0) < S
    assert draws.at(lane, 5 * BLOCK, 0) == NEVER


def test_memory_is_bounded() -> None:
    draws = three_lanes()
    for number in range(0, 400 * BLOCK, BLOCK // 2):
        draws.at(1, number, 0)
        draws.at(0, number, 0)
    assert len(draws._blocks) <= BLOCKS_KEPT


def test_going_back_and_forth_makes_no_block_twice() -> None:
    made = []

    def transform(u: np.ndarray, first_number: int) -> np.ndarray:
        made.append(first_number)
        return codes()(u, first_number)

    draws = Draws(7, 0)
    lane = draws.add("plan/api", transform)
    numbers = [BLOCK - 1, BLOCK, BLOCK + 1] * 50
    random.Random(1).shuffle(numbers)
    for number in numbers:
        draws.at(lane, number, 0)
    assert sorted(made) == [0, BLOCK]


def test_what_cannot_be_addressed_is_refused() -> None:
    draws = three_lanes()
    for number, attempt in ((-1, 0), (0, -1), (0, 1 << 32), (1 << 45, 0)):
        with pytest.raises(ValueError, match="has no block"):
            draws.at(1, number, attempt)
    for seed, replication in ((-1, 0), (1 << 64, 0), (0, -1), (0, 1 << 32)):
        with pytest.raises(ValueError, match="must be from 0"):
            Draws(seed, replication)
    with pytest.raises(ValueError, match="already"):
        draws.add("service/api", SERVICE)
    lane = draws.add("floats", lambda u, _first_number: u)
    with pytest.raises(TypeError, match="floats"):
        draws.at(lane, 0, 0)


PROGRAM = """
from tests.engine.test_draws import three_lanes
draws = three_lanes(20261122, 3)
print([draws.at(lane, 9000, attempt) for lane in range(3) for attempt in (0, 1)])
"""


def test_values_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1", "random")
    }
    assert len(outputs) == 1
    draws = three_lanes(20261122, 3)
    expected = [draws.at(lane, 9000, attempt) for lane in range(3) for attempt in (0, 1)]
    assert outputs == {f"{expected}\n"}


def test_a_block_is_what_numpy_makes_of_the_address() -> None:
    draws = Draws(20261122, 3)
    lane = draws.add("service/api", lambda u, _: (u * 2.0**52).astype(np.int64))
    words = np.frombuffer(
        hashlib.blake2b(b"service/api", digest_size=16).digest(), dtype="<u4"
    ).tolist()
    seed = np.random.SeedSequence((20261122, 0, 3), spawn_key=(*words, 1, 5))
    raw = np.random.PCG64(seed).random_raw(BLOCK) >> np.uint64(12)
    np.testing.assert_array_equal(draws.block(lane, 5, 1), raw.astype(np.int64))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=4, max_size=12))
def test_machine_code_makes_the_same_uniforms(words: list[int]) -> None:
    pytest.importorskip("numba")
    from poolsim.engine.choice import library_for
    from poolsim.engine.compiled.fast_uniforms import FastUniforms

    fill = FastUniforms(library_for(generate(0)))
    np.testing.assert_array_equal(fill(tuple(words)), uniforms_of(tuple(words)))
