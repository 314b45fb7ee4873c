"""What a campaign found, as people read it: a table for the terminal, a dated page for reports/."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
import simpy

import poolsim
from poolsim.fidelity.soak.campaign import LEAST_SHARE, Campaign

_SHOWN_FAILURES = 20
_SHOWN_LINES = 12


def coverage_table(campaign: Campaign) -> str:
    """In how many scenarios everything fired, as Markdown that a terminal shows as well."""
    width = max(len(name) for _, name in campaign.counts)
    lines = []
    for kind, items in groupby(campaign.counts, key=lambda item: item[0]):
        lines += [
            "",
            f"| {kind:{width}} | scenarios |   share |",
            f"|{'-' * (width + 2)}|----------:|--------:|",
        ]
        for item in items:
            share = campaign.share(item)
            mark = " **rare**" if share < LEAST_SHARE else ""
            lines.append(f"| {item[1]:{width}} | {campaign.counts[item]:9,} | {share:7.1%} |{mark}")
    return "\n".join(lines[1:])


def findings(campaign: Campaign) -> str:
    """What is wrong, with the seeds; "" if nothing is."""
    parts = []
    for trial in campaign.failures[:_SHOWN_FAILURES]:
        lines = trial.failure.strip().splitlines()[-_SHOWN_LINES:]
        text = "\n".join(f"    {line}" for line in lines)
        parts.append(f"seed {trial.seed} (python -m poolsim.fidelity.soak {trial.seed}):\n\n{text}")
    if len(campaign.failures) > _SHOWN_FAILURES:
        rest = ", ".join(str(trial.seed) for trial in campaign.failures[_SHOWN_FAILURES:])
        parts.append(f"and seeds {rest}")
    for kind, name in campaign.rare:
        count = campaign.counts[kind, name]
        parts.append(f"{kind} {name} fired in {count:,} of {campaign.trials:,} scenarios only")
    return "\n\n".join(parts)


def page(campaign: Campaign, today: str, took_s: float) -> str:
    """The whole page as Markdown."""
    wrong = findings(campaign)
    verdict = "Something is wrong, see below." if wrong else "All well."
    return f"""# {campaign.trials:,} random scenarios, {today}

{verdict}

| | |
|---|---|
| scenarios | {campaign.trials:,} |
| failed | {len(campaign.failures):,} |
| fired in fewer than {LEAST_SHARE:.0%} of them | {len(campaign.rare)} of {len(campaign.counts)} |
| requests that ended | {campaign.requests:,} |
| events | {campaign.events:,} |
| digest of all digests | `{campaign.digest}` |
| took | {took_s / 60:.0f} min on {os.cpu_count()} cores |
| versions | poolsim {poolsim.__version__}, Python {platform.python_version()}, \
numpy {np.__version__}, simpy {simpy.__version__} |

Every scenario is `poolsim.fidelity.generator.generate(seed)` for the seeds from 0. All invariants
were checked while it ran and at its end, the tables of the model were audited, and the rows of its
requests and notes were examined. Written by `make soak`.

## What is wrong

{wrong or "Nothing."}

## How often everything fired

{coverage_table(campaign)}
"""


def write_page(folder: Path, campaign: Campaign, took_s: float) -> Path:
    """Write today's page into a folder, whole or not at all."""
    today = datetime.now(UTC).date().isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{today}.md"
    temporary = folder / f".{today}.md.{os.getpid()}"
    temporary.write_text(page(campaign, today, took_s), encoding="utf-8")
    os.replace(temporary, path)
    return path
