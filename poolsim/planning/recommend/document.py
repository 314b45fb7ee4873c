"""`recommendations/<name>.yaml`: an answer that a later `poolsim check` can hold to account.

It names the scenario, what was chosen among and under which inputs, so that the question can be
asked again; and it carries a hash of itself, so that a hand that changes the choice is seen.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from poolsim import __version__
from poolsim.estimation.results import Estimate
from poolsim.planning.recommend.answer import Answer, Setting
from poolsim.planning.recommend.in_the_driver import in_the_driver
from poolsim.planning.recommend.pairing import TOLERANCE
from poolsim.recording.digest import inputs_hash
from poolsim.recording.whole_file import write_whole
from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.units import format_share

SCHEMA_VERSION = 1
RECOMMENDATIONS = Path("recommendations")
_HEAD = """\
# Written by `poolsim recommend`; `poolsim check` asks again and compares. Not to be edited: change
# the scenario and run `poolsim recommend` or `poolsim check --update` instead.
"""
_NEEDED = ("schema_version", "name", "scenario", "choice", "cost", "inputs", "hash", "settings")


@dataclass(frozen=True, slots=True)
class Document:
    """A recommendation as read from its file."""

    path: Path
    content: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is for."""
        return str(self.content["name"])

    @property
    def scenario(self) -> Path:
        """The scenario file, from where the recommendation lies."""
        return Path(os.path.normpath(self.path.parent / self.content["scenario"]))

    @property
    def is_untouched(self) -> bool:
        """Whether it reads as it was written."""
        return bool(self.content["hash"] == own_hash(self.content))

    @property
    def settings(self) -> tuple[str, ...]:
        """`PATH=VALUES` that ask the same question."""
        return (*self.content.get("fixed", ()), *self.content["settings"])

    @property
    def choice(self) -> dict[str, str]:
        """The chosen value by parameter label."""
        return {str(label): str(value) for label, value in self.content["choice"].items()}

    @property
    def near_optimal(self) -> list[dict[str, str]]:
        """The settings that were as good, the choice first."""
        return [dict(one["values"]) for one in self.content.get("near_optimal", ())]


def document_of(answer: Answer, scenario: Path, directory: Path) -> dict[str, Any]:
    """The content of the file; `scenario` is written as seen from `directory`."""
    assert answer.choice is not None, "only a choice is a recommendation"
    question = answer.question
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": question.base.name,
        "question": question.base.question,
        "scenario": Path(os.path.relpath(scenario, directory)).as_posix(),
        "fixed": list(question.space.fixed),
        "settings": list(question.settings),
        "choice": dict(answer.choice.values),
        "in_the_driver": list(in_the_driver(question, answer.choice.number)),
        "cost": {"formula": question.cost.text, **_estimate(answer.choice.cost)},
        "margins": [
            {
                "expectation": one.verdict.text,
                "when": one.variant,
                **_estimate(one.verdict.estimate),
                "left_of_limit": None if one.share is None else round(one.share, 4),
            }
            for one in answer.margins
        ],
        "load_it_bears": {
            "holds_to": answer.holds_to,
            "breaks_at": answer.breaks_at,
            "breaks": answer.breaks,
        },
        "near_optimal": [_setting(one) for one in answer.near_optimal],
        "next_smaller": [
            {
                "parameter": one.label,
                "from": one.from_value,
                "to": one.to_value,
                "breaks": one.breaks or "nothing",
            }
            for one in answer.steps
        ],
        "why": list(answer.reasons),
        "advice": list(answer.advice),
        "warnings": list(answer.warnings),
        "evidence": {
            "points": len(question.space),
            "simulated": answer.simulated,
            "replications": answer.replications,
            "confidence": "95%",
            "tolerance": f"{TOLERANCE:.0%}",
            "held": [variant.name for variant in question.variants],
            "peak": question.peak or "the whole run",
            "headroom": format_share(question.base.plan.headroom),
            "seed": question.base.seed,
        },
        "versions": {"poolsim": __version__, "numpy": np.__version__},
        "inputs": question.inputs,
        "model": inputs_hash(""),
        "digest": answer.digest,
        "resolved": question.resolved,
    }
    content["hash"] = own_hash(content)
    return content


def write_document(content: Mapping[str, Any], path: Path) -> None:
    """Write the file, whole or not at all."""
    text = yaml.safe_dump(
        dict(content), sort_keys=False, allow_unicode=True, width=100, default_flow_style=False
    )
    write_whole(path, _HEAD + text)


def read_document(path: Path) -> Document:
    """Read a file. Raises ScenarioError, with its place, for what is no recommendation."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _wrong(path, line, column, f"not valid YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _wrong(path, 1, 1, f"the file cannot be read: {error}") from None
    if not isinstance(content, dict) or not all(key in content for key in _NEEDED):
        raise _wrong(path, 1, 1, "this is no recommendation: write one with `poolsim recommend`")
    if content["schema_version"] != SCHEMA_VERSION:
        version = content["schema_version"]
        raise _wrong(
            path, 1, 1, f"schema_version {version} is not {SCHEMA_VERSION}: write it anew with "
            "`poolsim recommend`",
        )  # fmt: skip
    return Document(path, content)


def own_hash(content: Mapping[str, Any]) -> str:
    """32 hexadecimal digits over everything but the hash itself."""
    rest = {key: value for key, value in content.items() if key != "hash"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _setting(one: Setting) -> dict[str, Any]:
    return {"values": dict(one.values), "extra_cost": _finite(one.extra_cost.mean)}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": _finite(estimate.mean), "half_width": _finite(estimate.half_width)}


def _finite(value: float) -> float | None:
    return float(f"{value:.12g}") if math.isfinite(value) else None


def _wrong(path: Path, line: int, column: int, message: str) -> ScenarioError:
    return ScenarioError([Mistake(str(path), line, column, "", message)])
