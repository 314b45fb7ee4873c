"""Checks a block of the file against its entry, and reads on past the mistakes.

pydantic stops at a value that it cannot read. Here every mistake of one pass is noted, what is
wrong is left out and the rest is read again, so that checks of what fits together see everything
that is right: all mistakes of a file come out at once, and none that only follows from another.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from poolsim.scenario.document import Block, Items
from poolsim.scenario.entries import Entry
from poolsim.scenario.fields import Written
from poolsim.scenario.grouping import torn, ungrouped
from poolsim.scenario.hints import hint_for
from poolsim.scenario.mistakes import Findings, TreePath, did_you_mean
from poolsim.scenario.options import entry_within

EntryType = TypeVar("EntryType", bound=Entry)

MAY_BE_EMPTY = frozenset({"faults", "changes", "expect", "phases"})
"""Lists whose items people comment out: a key without a value is an empty list."""
_MOST_PASSES = 1_000
_LIMIT_AT_END = re.compile(r"[<>=]\s*(\d{1,3})\s*$")
"""How an expectation ends of which a comma cut the rest off."""


def note_empty_values(block: Block, findings: Findings) -> None:
    """Note every key and list item that has no value, and numbers that a comma tore apart."""
    waiting: list[Block | Items] = [block]
    while waiting:
        container = waiting.pop()
        if isinstance(container, Block):
            _note_torn_numbers(container, findings)
        else:
            _note_torn_expectations(container, findings)
        pairs: Any = container.items() if isinstance(container, Block) else enumerate(container)
        for key, value in pairs:
            path: TreePath = (*container.path, key)
            if isinstance(value, Block | Items):
                waiting.append(value)
            elif value is None and key not in MAY_BE_EMPTY:
                message = "no value: write one, or leave the key out"
                if isinstance(container, Items):
                    message = "an empty item: write one, or leave it out"
                findings.add(path, message, breaks=True)


def _note_torn_numbers(block: Block, findings: Findings) -> None:
    """Note `{rate: 36,000/s}`, which YAML reads as a rate of 36 and a key `000/s`."""
    keys = list(block)
    for place, key in enumerate(keys):
        following = itertools.takewhile(lambda later: block[later] is None, keys[place + 1 :])
        number = torn([str(block[key]), *following]) if isinstance(block[key], int) else ""
        if not number:
            continue
        pieces = keys[place + 1 : place + 1 + number.count(",")]
        message = f"a comma ends a value here: for {number} write {ungrouped(number)}"
        findings.add((*block.path, key), message, breaks=True)
        for piece in pieces:
            findings.break_off((*block.path, piece))


def _note_torn_expectations(items: Items, findings: Findings) -> None:
    """Note `[throughput > 36,000/s]`, which YAML reads as two items."""
    for place, item in enumerate(items):
        end = _LIMIT_AT_END.search(item) if isinstance(item, str) else None
        if end is None:
            continue
        # A group of digits alone was read as a number, without its zeros in front.
        later = [f"{one:03}" if isinstance(one, int) else str(one) for one in items[place + 1 :]]
        number = torn([end[1], *later])
        if number:
            meant = f"{str(item)[: end.start(1)]}{ungrouped(number).partition(' or ')[0]}"
            message = f"a comma ends an item here: write {meant}"
            findings.add((*items.path, place), message, breaks=True)
            for piece in range(place + 1, place + 1 + number.count(",")):
                findings.break_off((*items.path, piece))


def read_entry(
    entry: type[EntryType],
    block: Block,
    findings: Findings,
    homes: Mapping[str, list[str]] | None = None,
) -> EntryType | None:
    """The entry that a block holds, without what is wrong in it; None where nothing is left.

    Required parts that are missing or wrong are replaced by stand-ins, and nothing is said about
    them later. `homes` are the places of keys that may have been written in the wrong block.
    """
    data = _copy_without_gaps(block)
    for attempt in range(_MOST_PASSES):
        try:
            return entry.model_validate(data)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
        faults = [_Fault(entry, data, fault) for fault in errors]
        if attempt == 0:
            for fault in faults:
                if findings.is_full:
                    break
                message = fault.message(homes or {})
                findings.add(fault.path, message, of_key=fault.is_unknown)
        for fault in faults:
            findings.break_off(fault.meant_path() if fault.is_unknown else fault.path)
        if not _mend(faults):
            return None
    return None


@functools.cache
def homes_of(entry: type[Entry]) -> Mapping[str, list[str]]:
    """In which blocks each key of a file belongs, for keys written in the wrong one."""
    homes: dict[str, list[str]] = {}

    def visit(block: type[Entry], path: str) -> None:
        for name, info in block.model_fields.items():
            key = info.alias or name
            homes.setdefault(key, []).append(path or "the top of the file")
            inner = entry_within(info.annotation)
            if inner is not None:
                visit(inner, f"{path}.{key}" if path else key)

    visit(entry, "")
    return {key: places for key, places in homes.items() if len(places) <= 2}


class _Fault:
    """One of pydantic's errors, found again in the data."""

    def __init__(self, entry: type[Entry], data: Block, error: Any) -> None:
        self.type: str = error["type"]
        self.reason: str = error["msg"]
        self.is_unknown = self.type == "extra_forbidden"
        self.is_missing = self.type == "missing"
        self.block: type[Entry] | None = entry
        """The entry that declares the key, None within plain lists and mappings."""
        self.container: Block | Items = data
        self.key: str | int = ""
        self.path: TreePath = data.path
        here: Any = data
        below: type[Entry] | None = entry
        is_named = False
        for key in error["loc"]:
            if not isinstance(here, Block | Items):
                break
            takes_any = is_named or isinstance(here, Items)
            self.container, self.key = here, key
            self.block = None if takes_any else below
            self.path = (*self.path, key)
            if takes_any:
                is_named = False
            else:
                below, is_named = _block_below(below, key)
            here = here.get(key) if isinstance(here, Block) else here[key]
            if isinstance(here, Block | Items):
                self.path = here.path

    def siblings(self) -> list[str]:
        """The keys that the block around may hold."""
        return [_key_of(*item) for item in self.block.model_fields.items()] if self.block else []

    def meant_path(self) -> TreePath:
        """The path of the key that an unknown one probably stands for."""
        hint = hint_for(str(self.key), self.siblings())
        if hint is not None and hint.key:
            return (*self.path[:-1], hint.key)
        near = difflib.get_close_matches(str(self.key), self.siblings(), n=1)
        return (*self.path[:-1], near[0]) if near else self.path

    def message(self, homes: Mapping[str, list[str]]) -> str:
        """What is wrong, in the user's terms."""
        if self.is_unknown:
            hint = hint_for(str(self.key), self.siblings())
            if hint is not None:
                return f"unknown key: {hint.sentence}"
            if homes.get(str(self.key)):
                return f"unknown key here (it belongs in {' or '.join(homes[str(self.key)])})"
            near = did_you_mean(self.key, self.siblings())
            if near:
                return f"unknown key{near}"
            return f"unknown key (known: {', '.join(self.siblings())})"
        if self.is_missing:
            return "missing: this block needs it"
        if self.type in ("model_type", "model_attributes_type", "dict_type"):
            return "a block of keys is needed here, such as {key: value}"
        if self.type == "list_type":
            return "a list is needed here, such as [...] or lines that begin with -"
        return self.reason

    def stand_in(self) -> Any:
        """What may take the place of a required value; None where it can be left out."""
        if self.block is None:
            return None
        for name, info in self.block.model_fields.items():
            if _key_of(name, info) != self.key or not info.is_required():
                continue
            written = [data.stand_in for data in info.metadata if isinstance(data, Written)]
            if written:
                return written[0]
            if get_origin(info.annotation) in (list, dict):
                return [] if get_origin(info.annotation) is list else {}
            inner = entry_within(info.annotation)
            return inner.stand_in if inner is not None else None
        return None


def _key_of(name: str, info: FieldInfo) -> str:
    return info.alias or name


def _block_below(block: type[Entry] | None, key: str | int) -> tuple[type[Entry] | None, bool]:
    """The entry at a key, and whether it is a mapping from names to such entries."""
    for name, info in block.model_fields.items() if block is not None else ():
        if _key_of(name, info) == key:
            return entry_within(info.annotation), get_origin(info.annotation) is dict
    return None, False


def _placed(value: Any, path: TreePath) -> Any:
    """A stand-in as part of the tree."""
    if isinstance(value, dict):
        block = Block(path)
        for key, item in value.items():
            block[key] = _placed(item, (*path, key))
        return block
    return Items(path) if isinstance(value, list) else value


def _mend(faults: list[_Fault]) -> bool:
    """Take out or replace what is wrong; False where nothing more can be done."""
    changed = False
    doomed: dict[int, tuple[Items, set[int]]] = {}
    for fault in faults:
        container, key = fault.container, fault.key
        stand_in = None if fault.is_unknown else fault.stand_in()
        if stand_in is not None and isinstance(container, Block):
            container[str(key)] = _placed(stand_in, (*container.path, key))
            changed = True
        elif isinstance(container, Items) and isinstance(key, int):
            doomed.setdefault(id(container), (container, set()))[1].add(key)
        elif isinstance(container, Block) and str(key) in container:
            del container[str(key)]
            changed = True
    for items, places in doomed.values():
        for place in sorted(places, reverse=True):
            del items[place]
            changed = True
    return changed


def _copy_without_gaps(block: Block) -> Block:
    """A copy that may be pruned, without values that are missing or were refused."""

    def copy(value: object) -> object:
        if isinstance(value, Block):
            duplicate = Block(value.path)
            for key, item in value.items():
                if item is not None:
                    duplicate[key] = copy(item)
            return duplicate
        if isinstance(value, Items):
            items = Items(value.path)
            items.extend(copy(item) for item in value if item is not None)
            return items
        return value

    return cast(Block, copy(block))
