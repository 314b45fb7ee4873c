"""Writes the report of results.json, and of sizing.json where there is one: index.html, report.md
and its pictures, validity.json."""

from __future__ import annotations

import base64
import json
import os
import shlex
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from poolsim.fidelity.checks import HELD, NOT_HELD, NOT_MEASURABLE
from poolsim.fidelity.recordings import RecordingError
from poolsim.fidelity.report import sizing, words
from poolsim.fidelity.report.pictures import latency_png, timeline_png
from poolsim.fidelity.results import plan_verdict, read
from poolsim.fidelity.validity import FILE_NAME, validated_range

RESULTS = "results.json"
CAUSES = "causes.yaml"
"""Written by people: `plan/figure: why it does not hold`. It outlives every new comparison."""

_CAUSES_HEAD = """\
# Why a figure does not hold, by plan and figure; what is empty shows as "cause not known yet".
# People write here; `poolsim validate` adds what newly misses its bar and keeps the rest.
"""


def write_report(directory: Path) -> list[Path]:
    """Write the report beside the results.json of a directory; the files, the HTML first.

    Raises:
        RecordingError: there are no results, or causes.yaml cannot be read.
    """
    document = read(directory / RESULTS)
    measured = sizing.read_sizing(directory)
    causes = _causes(directory / CAUSES, document)
    pictures = _pictures(document)
    for name, png in pictures.items():
        _replace(directory / name, png)
    environment = Environment(
        loader=PackageLoader("poolsim.fidelity.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    context = _context(document, causes, pictures) | _sizing(document, measured)
    markdown = environment.get_template("report.md").render(context)
    environment.autoescape = True
    page = environment.get_template("index.html").render(context)
    written = [directory / "index.html", directory / "report.md"]
    _replace(written[0], page.encode())
    _replace(written[1], markdown.encode())
    held = [plan["region"] for plan in document["plans"] if _held(plan)]
    if held:
        text = json.dumps(validated_range(held, document["date"]), indent=2) + "\n"
        _replace(directory / FILE_NAME, text.encode())
        written.append(directory / FILE_NAME)
    return written


def _sizing(document: dict[str, Any], measured: dict[str, Any] | None) -> dict[str, Any]:
    """The headline, and the section on measured recommendations where there are some."""
    lines = words.headline(document)
    if measured is None:
        return {"headline": lines or [words.NOTHING], "sizing": None}
    return {
        "headline": [*lines, sizing.headline(measured)],
        "sizing": sizing.section(measured),
    }


def _held(plan: dict[str, Any]) -> bool:
    """Whether some tier of a plan held, and none failed."""
    verdicts = {plan_verdict(plan, tier) for tier in ("T2", "T3")}
    return HELD in verdicts and NOT_HELD not in verdicts


def _causes(path: Path, document: dict[str, Any]) -> dict[str, str]:
    """What people wrote of misses; a new miss gets an empty line to be filled in."""
    known: dict[str, str] = {}
    if path.is_file():
        try:
            read_back = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise RecordingError(f"{path}: cannot be read: {error}") from None
        if not isinstance(read_back, dict):
            raise RecordingError(f"{path}: lines of `plan/figure: cause` are expected")
        known = {str(key): str(value or "") for key, value in read_back.items()}
    missed = [
        f"{plan['name']}/{check['key']}"
        for plan in document["plans"]
        for check in plan["checks"]
        if check["verdict"] == NOT_HELD
    ]
    wanted = known | {key: "" for key in missed if key not in known}
    if wanted != known:
        lines = [
            f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in wanted.items()
        ]
        _replace(path, (_CAUSES_HEAD + "".join(lines)).encode())
    return wanted


def _pictures(document: dict[str, Any]) -> dict[str, bytes]:
    """Pictures by file name."""
    pictures = {}
    for plan in document["plans"]:
        pictures[f"{plan['name']}-timeline.png"] = timeline_png(plan["timelines"])
        if plan["latency_curves"]:
            pictures[f"{plan['name']}-latency.png"] = latency_png(plan["latency_curves"])
    return pictures


def _context(
    document: dict[str, Any], causes: dict[str, str], pictures: dict[str, bytes]
) -> dict[str, Any]:
    plans = [_plan(plan, causes, pictures) for plan in document["plans"]]
    rows = [(plan["name"], one) for plan in plans for one in plan["rows"]]
    versions = {
        (one["driver_version"], plan["driver"])
        for plan in document["plans"]
        for one in plan["recordings"]
    }
    cassandra = {
        one["cassandra_version"] for plan in document["plans"] for one in plan["recordings"]
    }
    commands = {document["command"]} | {
        one["command"] for plan in document["plans"] for one in plan["recordings"]
    }
    return {
        "document": document,
        "plans": plans,
        "misses": [(name, one) for name, one in rows if one["verdict"] == NOT_HELD],
        "unmeasured": [(name, one) for name, one in rows if one["verdict"] == NOT_MEASURABLE],
        "drivers": sorted(f"{driver} {version}" for version, driver in versions),
        "cassandra": sorted(cassandra),
        "commands": sorted(shlex.join(shlex.split(one)) for one in commands if one),
        "overheads": [
            (
                driver,
                {key: _milliseconds(one[key]) for key in ("fixed_ns", "base_ns", "delay_ns")}
                | {key: one[key] for key in ("recording", "requests", "share_kept")}
                | {"middle": [_milliseconds(end) for end in one["middle_ns"]]},
            )
            for driver, one in document["overheads"].items()
        ],
        "region": document["plans"]
        and validated_range(
            [plan["region"] for plan in document["plans"] if _held(plan)]
            or [plan["region"] for plan in document["plans"]],
            document["date"],
        ),
        "has_region": any(_held(plan) for plan in document["plans"]),
    }


def _plan(
    plan: dict[str, Any], causes: dict[str, str], pictures: dict[str, bytes]
) -> dict[str, Any]:
    name = plan["name"]
    verdicts = [(tier, plan_verdict(plan, tier)) for tier in plan["tiers"]]
    return plan | {
        "rows": [words.row(name, check, causes) for check in plan["checks"]],
        "verdicts": [
            (tier, verdict, words.CLASSES[verdict], words.MARKS[verdict])
            for tier, verdict in verdicts
            if verdict is not None
        ],
        "pictures": [
            (picture, base64.b64encode(pictures[picture]).decode())
            for picture in (f"{name}-timeline.png", f"{name}-latency.png")
            if picture in pictures
        ],
        "shares": [
            None if one["share_kept"] is None else f"{100 * one['share_kept']:.0f} %"
            for one in plan["recordings"]
        ],
    }


def _milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.3f} ms"


def _replace(path: Path, content: bytes) -> None:
    """The file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)
