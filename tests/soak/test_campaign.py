"""Adding up trials, telling what is wrong, and the page of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolsim.fidelity.soak import campaign
from poolsim.fidelity.soak.campaign import Campaign, run_campaign
from poolsim.fidelity.soak.coverage import Item, everything
from poolsim.fidelity.soak.page import coverage_table, findings, page, write_page
from poolsim.fidelity.soak.trial import Trial
from poolsim.model.rule import RULES

ALL = frozenset(everything())
RARE: Item = ("note", "resurrected")


def trial(seed: int) -> Trial:
    """One in two hundred fires what is rare; seed 13 fails."""
    fired = ALL if seed % 200 == 0 else ALL - {RARE}
    failure = "Traceback\n  ...\nInvariantViolation: bad luck" if seed == 13 else ""
    return Trial(seed, f"digest of {seed}", 1_000, 5_000, fired, failure)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Campaign:
    monkeypatch.setattr(campaign, "try_seed", trial)
    return run_campaign(range(400), processes=1)


def test_everything_registered_is_asked_for() -> None:
    assert {name for kind, name in ALL if kind == "rule"} == set(RULES)
    assert {("event", "fault"), ("load", "trace"), ("law", "gamma"), ("error", "no stream")} < ALL
    assert {("driver", "java3"), ("fault", "pause"), ("outcome", "ok")} < ALL
    assert len(everything()) == len(ALL)


def test_counts_are_of_scenarios(found: Campaign) -> None:
    assert found.trials == 400
    assert found.requests == 400_000
    assert found.counts[RARE] == 2
    assert found.share(RARE) == 0.005
    assert found.counts["outcome", "ok"] == 400
    assert list(found.counts) == list(everything())


def test_less_than_one_per_cent_is_rare(found: Campaign) -> None:
    assert found.rare == (RARE,)
    assert "note resurrected fired in 2 of 400 scenarios only" in findings(found)


def test_failures_are_told_with_their_seeds(found: Campaign) -> None:
    assert [one.seed for one in found.failures] == [13]
    assert "seed 13 (python -m poolsim.fidelity.soak 13)" in findings(found)
    assert "bad luck" in findings(found)


def test_nothing_wrong_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "try_seed", lambda seed: Trial(seed, "d", 1_000, 1, ALL))
    well = run_campaign(range(5), processes=1)
    assert findings(well) == ""
    assert "All well." in page(well, "2026-01-01", 60.0)


def test_the_digest_is_of_all_trials(found: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found.digest == run_campaign(range(400), processes=1).digest
    assert found.digest != run_campaign(range(399), processes=1).digest


def test_who_waits_is_told_after_each_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "try_seed", trial)
    told: list[tuple[int, int]] = []
    run_campaign(range(20), 1, lambda done, failed: told.append((done, failed)))
    assert told[12:15] == [(13, 0), (14, 1), (15, 1)]


def test_the_table_says_how_often_everything_fired(found: Campaign) -> None:
    lines = [line for line in coverage_table(found).splitlines() if "resurrected" in line]
    assert len(lines) == 1
    assert "2 |" in lines[0]
    assert "0.5% |" in lines[0]
    assert "**rare**" in lines[0]
    named = [line.split("|")[1].strip() for line in coverage_table(found).splitlines() if line]
    assert {name for _, name in ALL} <= set(named)


def test_a_page_carries_its_date_and_versions(found: Campaign, tmp_path: Path) -> None:
    path = write_page(tmp_path / "soak", found, took_s=90.0)
    assert path.name == f"{datetime.now(UTC).date().isoformat()}.md"
    text = path.read_text()
    assert "Something is wrong" in text
    assert "| failed | 1 |" in text
    assert "poolsim 0." in text
    assert found.digest in text
    assert list(path.parent.iterdir()) == [path]


def test_a_seed_without_a_scenario_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_scenario(_seed: int) -> None:
        raise ValueError("cannot draw")

    monkeypatch.setattr(campaign, "generate", no_scenario)
    assert "cannot draw" in campaign.try_seed(1).failure
