from __future__ import annotations

import contextlib
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from poolsim.scenario import document as document_module
from poolsim.scenario.document import DEEPEST_NESTING, decode, plain_value, read_document
from poolsim.scenario.mistakes import ScenarioError


def mistakes(text: str) -> list[str]:
    try:
        document = read_document(text, "s.yaml")
    except ScenarioError as error:
        return [str(mistake) for mistake in error.mistakes]
    return [str(mistake) for mistake in document.findings.error().mistakes]


def test_values_mean_what_yaml_1_2_says() -> None:
    text = "a: 1e3\nb: on\nc: no\nd: 1:30\ne: 0o17\nf: 0x1F\ng: true\nh: ~\ni: '5'\nj: 017\nk: .5"
    assert read_document(text, "s").root == {
        "a": 1000.0,
        "b": "on",
        "c": "no",
        "d": "1:30",
        "e": 15,
        "f": 31,
        "g": True,
        "h": None,
        "i": "5",
        "j": 17,
        "k": 0.5,
    }


def test_numbers_that_are_none() -> None:
    assert plain_value(".inf") == math.inf
    assert plain_value("-.INF") == -math.inf
    assert math.isnan(plain_value(".nan"))  # type: ignore[arg-type]
    assert plain_value("9" * 5_000) == "9" * 5_000
    assert plain_value("1_000") == "1_000"
    assert plain_value("2026-11-22") == "2026-11-22"


@pytest.mark.parametrize("parser", ["c", "python"])
def test_every_key_and_value_has_a_place(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if parser == "python":
        monkeypatch.setattr(document_module, "_loader", lambda: yaml.SafeLoader)
    document = read_document("a: 1\nb:\n  - {c: µ, d: [x, y]}\n", "s.yaml")
    assert document.root == {"a": 1, "b": [{"c": "µ", "d": ["x", "y"]}]}
    places = {
        ".".join(map(str, path)): (where.line, where.column)
        for path, where in document.values.items()
    }
    assert places == {
        "": (1, 1),
        "a": (1, 4),
        "b": (3, 3),
        "b.0": (3, 5),
        "b.0.c": (3, 9),
        "b.0.d": (3, 15),
        "b.0.d.0": (3, 16),
        "b.0.d.1": (3, 19),
    }
    assert (document.keys["b", 0, "d"].line, document.keys["b", 0, "d"].column) == (3, 12)


@pytest.mark.parametrize("parser", ["c", "python"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", ["s.yaml:2:1: a: duplicate key 'a' (the first is in line 1)"]),
        (
            "a: &x 1\nb: *x\n",
            [
                "s.yaml:1:4: a: anchor &x: not used here",
                "s.yaml:2:4: b: alias *x: write the value out",
            ],
        ),
        ("a: !!str b\n", ["s.yaml:1:4: a: tag tag:yaml.org,2002:str: not used here"]),
        ("<<: {a: 1}\n", ["s.yaml:1:1: merge keys (<<) are not used here: write them out"]),
        ("? [a]\n: b\n", ["s.yaml:1:3: a key is a word, not a block or a list"]),
        ("a: 1\n---\nb: 1\n", ["s.yaml:2:1: a second document: one file, one scenario"]),
        ("- a\n", ["s.yaml:1:1: the file is a list; a scenario is a block of keys"]),
        ("word\n", ["s.yaml:1:1: the file is a single value; a scenario is a block of keys"]),
        ("a: b\x00\n", ["s.yaml:1:5: character U+0000 has no place in a text file"]),
        ("µ: b\x07\n", ["s.yaml:1:5: character U+0007 has no place in a text file"]),
        (
            "\n\n# x\n",
            ["s.yaml:1:1: the file is empty: `poolsim init` writes one to start from"],
        ),
    ],
)
def test_what_is_refused(
    parser: str, text: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if parser == "python":
        monkeypatch.setattr(document_module, "_loader", lambda: yaml.SafeLoader)
    assert mistakes(text) == expected


@pytest.mark.parametrize("parser", ["c", "python"])
def test_a_syntax_error_keeps_its_place(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if parser == "python":
        monkeypatch.setattr(document_module, "_loader", lambda: yaml.SafeLoader)
    found = mistakes("a: 1\nb: [1, 2\n")
    assert len(found) == 1
    assert found[0].startswith("s.yaml:3:1: not valid YAML: ")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
@pytest.mark.parametrize("depth", [DEEPEST_NESTING + 1, 1_000, 100_000])
def test_nesting_is_bounded_before_anything_recurses(opening: str, depth: int) -> None:
    found = mistakes("a:\n  " + opening * depth)
    assert "nested more than" in found[-1]


def test_nesting_below_the_bound_is_read() -> None:
    depth = DEEPEST_NESTING - 1
    value: object = read_document("a: " + "[" * depth + "]" * depth, "s").root["a"]
    for _ in range(depth - 1):
        assert isinstance(value, list)
        value = value[0]
    assert value == []


def test_what_was_refused_leaves_the_rest() -> None:
    document = read_document("a: !x {b: 1, c: [1]}\nd: [*q, 2]\ne: 3\n", "s")
    assert document.root == {"d": [None, 2], "e": 3}
    assert document.findings.is_broken(("a", "b"))
    assert not document.findings.is_broken(("e",))


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ScenarioError, match=r"^s:2:4: byte 0xff is not UTF-8 text$"):
        decode("a: 1\nbµc".encode() + b"\xff", "s")
    with pytest.raises(ScenarioError, match="a scenario has at most"):
        decode(b" " * (document_module.LARGEST_FILE + 1), "s")
    assert decode(b"\xef\xbb\xbfa: 1", "s") == "a: 1"


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(ScenarioError):
        assert isinstance(read_document(text, "s").root, dict)


@given(st.text(alphabet="ab:-[]{}&*!?|>'\"#,\n \t<%@", max_size=60))
def test_no_mixture_of_signs_breaks_the_reader(text: str) -> None:
    test_no_text_breaks_the_reader.hypothesis.inner_test(text)  # type: ignore[attr-defined]


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc 12.:-e", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), plain_data, min_size=1, max_size=3))
def test_both_parsers_build_the_same_tree(data: dict[str, object]) -> None:
    text = yaml.safe_dump(data)
    trees = []
    with pytest.MonkeyPatch.context() as patch:
        for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            patch.setattr(document_module, "_loader", lambda loader=loader: loader)
            document = read_document(text, "s")
            trees.append((document.root, document.values, document.keys))
    assert trees[0] == trees[1]
