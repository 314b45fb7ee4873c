"""What a check says: lines for people, JUnit XML, a summary in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from poolsim.planning.check import Checked
from poolsim.report.units import plain

_MARKS = {"passed": "✓", "failed": "✗", "undecided": "?", "unreadable": "!"}
MOST_DIFFERENCES = 30


def lines_of(checked: Checked) -> list[str]:
    """One line, and what changed below it."""
    mark = _MARKS[checked.status]
    first, *more = checked.message.splitlines()
    lines = [f"{mark} {plain(checked.name)}: {plain(first)}"]
    lines += [f"    {plain(line)}" for line in more]
    shown = checked.differences[:MOST_DIFFERENCES]
    lines += [f"    {plain(line)}" for line in shown]
    if len(checked.differences) > len(shown):
        lines.append(f"    ... and {len(checked.differences) - len(shown)} more lines")
    return lines


def junit_xml(checked: Sequence[Checked]) -> str:
    """A test suite of one case a recommendation; what is undecided or cannot be read is an error,
    not a failure."""
    statuses = [one.status for one in checked]
    suite = ElementTree.Element(
        "testsuite",
        name="poolsim check",
        tests=str(len(checked)),
        failures=str(statuses.count("failed")),
        errors=str(statuses.count("undecided") + statuses.count("unreadable")),
        skipped="0",
        time=f"{sum(one.elapsed_s for one in checked):.3f}",
    )
    for one in checked:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname="recommendations",
            name=plain(one.name),
            file=str(one.path),
            time=f"{one.elapsed_s:.3f}",
        )
        detail = "\n".join(plain(line) for line in one.differences)
        if one.status != "passed":
            kind = "failure" if one.status == "failed" else "error"
            ElementTree.SubElement(case, kind, message=plain(one.message)).text = detail
        else:
            ElementTree.SubElement(case, "system-out").text = plain(one.message)
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def markdown_summary(checked: Sequence[Checked]) -> str:
    """A table for a job's summary page, what changed folded below it."""
    lines = ["## Sizing recommendations", "", "| | recommendation | |", "|---|---|---|"]
    lines += [
        f"| {_MARKS[one.status]} | {_cell(one.name)} | {_cell(one.message)} |" for one in checked
    ]
    for one in checked:
        if one.differences:
            lines += ["", f"<details><summary>What changed for {_cell(one.name)}</summary>", ""]
            lines += ["```diff", *(plain(line) for line in one.differences), "```", "</details>"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    lines = [plain(line).replace("|", "\\|").replace("<", "&lt;") for line in text.splitlines()]
    return "<br>".join(lines)
