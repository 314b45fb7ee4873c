"""The HTML report."""

import dataclasses
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from poolsim.estimation.results import Results, Stall
from poolsim.report.html import MOST_EVENTS, render
from poolsim.report.words import stall_text

Rendered = Callable[[str], str]
VOID = {"meta", "br", "link", "img", "hr", "input"}
ALL = ["staircase", "node_failure", "fleet", "quiet", "faint", "hostile"]


class Reader(HTMLParser):
    """Checks that elements are closed in order; collects text, references and elements."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.references: list[str] = []
        self.elements: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name.split(":")[-1] in ("href", "src", "action", "data", "srcset"):
                self.references.append(value or "")
            assert not name.startswith("on"), name
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def words_of(html: str) -> str:
    return " ".join(" ".join(read(html).text).split())


@pytest.mark.parametrize("name", ALL)
def test_it_is_whole_and_asks_nothing_of_the_network(name: str, rendered: Rendered) -> None:
    html = rendered(name)
    reader = read(html)
    assert html.startswith("<!doctype html>")
    assert all(ref.startswith(("#", "data:image/png;base64,")) for ref in reader.references)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(reader.elements)
    assert "http" not in html.replace("http-equiv", "")
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    assert "default-src 'none'" in html


def test_every_verdict_stall_recovery_and_warning_is_told(
    node_failure: Results, rendered: Rendered
) -> None:
    text = words_of(rendered("node_failure"))
    assert "Failed: 1 of 3 expectations does not hold, 1 undecided" in text
    for part in (
        "rejected == 0 312 ± 31 (95 %, 10 runs)",
        "latency.p99 < 20ms 12.31ms ± 0.20 (95 %, 10 runs)",
        "recover < 15s 14.2s ± 1.3 (95 %, 10 runs)",
        "the interval straddles the limit",
        "batch's pools to dc1/3: not recovered (no borrow since the fault)",
        "api's pools to dc1/3: recovered 14.2 s after the fault",
        "api's pool to dc1/5 stalled from 221.0 s to 249.5 s",
        "dc1/3 stopped from 60.0 s to 100.0 s",
        "closed loop: coordinated omission applies",
        "The first of 10 replications",
        node_failure.warnings[0],
        node_failure.replications[0].failures[0],
        node_failure.scenario.question,
        node_failure.inputs,
        node_failure.digest,
        node_failure.reproduce,
        "name: node-failure seed: 7",
        "replayed against recorded traces of Java driver 3.11.5",
        "what the model leaves out",
    ):
        assert " ".join(part.split()) in text


def test_the_verdict_comes_before_everything(rendered: Rendered) -> None:
    text = words_of(rendered("node_failure"))
    order = [
        text.index("Failed: 1 of 3"),
        text.index("Does not hold: rejected == 0"),
        text.index("Over time"),
        text.index("pools by host"),
        text.index("Assumptions"),
        text.index("reproduces the run"),
    ]
    assert order == sorted(order)


def test_all_stalls_are_told_however_many(staircase: Results) -> None:
    stalls = tuple(Stall("api", f"dc1/{k}", 1.0, 9.0, 2.0, 8.0, 3.0) for k in range(40))
    text = words_of(render(dataclasses.replace(staircase, stalls=stalls)))
    for stall in stalls:
        assert " ".join(stall_text(stall).split()) in text
    assert "30 more stalls" in text


def test_the_events_are_cut_with_a_note(
    fleet: Results, staircase: Results, rendered: Rendered
) -> None:
    events = len(fleet.replications[0].events)
    assert events > MOST_EVENTS
    html = rendered("fleet")
    assert f"The first 500 of {events:,} events" in html
    assert html.count("connection opened") + html.count("connection trashed") <= MOST_EVENTS
    assert f"All {len(staircase.replications[0].events)} events" in rendered("staircase")


def test_many_clients_are_in_the_tables(staircase: Results) -> None:
    (client,) = staircase.scenario.clients
    clients = (client, *(dataclasses.replace(client, name=f"other{k}") for k in range(11)))
    scenario = dataclasses.replace(staircase.scenario, clients=clients)
    html = render(dataclasses.replace(staircase, scenario=scenario))
    assert "4 more clients are in the tables" in html
    assert "1 of 12 clients are drawn" in html
    assert html.count("other10") == 1


def test_one_replication_is_called_one(rendered: Rendered) -> None:
    text = words_of(rendered("staircase"))
    assert "One replication." in text
    assert "12.31ms (1 run)" in text
    assert "first replication" not in text
    assert "Means over" not in text


def test_nothing_recorded_is_said(rendered: Rendered) -> None:
    text = words_of(rendered("quiet"))
    assert "nothing to draw" in text
    assert "No event was noted" in text
    assert "nan" not in text.lower().replace("finance", "")


def test_names_are_text_whatever_they_hold(rendered: Rendered) -> None:
    html = rendered("hostile")
    assert "<script" not in html
    assert "{{7*7}}" in html
    assert "49" not in re.sub(r"[#0-9a-z.\-]{4,}", "", words_of(html))
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in html


def test_it_is_the_same_each_time(staircase: Results, rendered: Rendered) -> None:
    assert render(dataclasses.replace(staircase, elapsed_s=7.0)) == rendered("staircase")


def test_identifiers_are_unique_in_the_page(rendered: Rendered) -> None:
    found = re.findall(r'\sid="([^"]+)"', rendered("node_failure"))
    assert len(found) == len(set(found))


def test_colours_are_those_of_the_page(rendered: Rendered) -> None:
    html = rendered("node_failure")
    body = html[html.index("<body>") :]
    assert not re.search(r"(fill|stroke): #", body)
    used = set(re.findall(r"var\((--[a-z0-9-]+)[,)]", html))
    defined = set(re.findall(r"(--[a-z0-9-]+):", html))
    assert used <= defined
