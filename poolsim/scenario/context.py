"""What every part of the resolution needs: the file, its findings, where and how long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolsim.scenario.document import Block, Document, Items
from poolsim.scenario.entries import Entry, Moment
from poolsim.scenario.mistakes import Findings, TreePath, did_you_mean
from poolsim.scenario.units import ShareOfRun, format_duration

DURATION_PATH: TreePath = ("duration",)


@dataclass(frozen=True, slots=True)
class Context:
    """One file on its way to a Scenario."""

    document: Document
    directory: Path
    """What the file's own paths count from."""
    duration_ns: int

    @property
    def findings(self) -> Findings:
        """What is wrong so far."""
        return self.document.findings

    def note(self, entry: Entry, *keys: str | int, message: str, **details: Any) -> None:
        """Note a mistake at a key of an entry (of the entry itself without keys)."""
        self.findings.add((*entry.path, *keys), message, **details)

    def moment(self, moment: Moment) -> int:
        """Nanoseconds from the start of the run."""
        if isinstance(moment, ShareOfRun):
            return moment.of(self.duration_ns)
        return moment

    def rests_on_duration(self, *moments: Moment | None) -> list[TreePath]:
        """The path of the run's duration where one of the times is a share of it."""
        return [DURATION_PATH] if any(isinstance(m, ShareOfRun) for m in moments) else []

    def written_order(self, entry: Entry, keys: list[str]) -> list[str]:
        """Some keys of an entry as they follow one another in the file (`--set` last)."""
        block = self.raw(entry.path)
        order = list(block) if isinstance(block, Block) else []
        return sorted(keys, key=lambda key: order.index(key) if key in order else -1)

    def begins_in_time(self, entry: Entry, at_ns: int, what: str) -> None:
        """Note that something begins when the run is over."""
        if at_ns >= self.duration_ns:
            end = format_duration(self.duration_ns)
            message = f"{what} begins at {format_duration(at_ns)}, but the run ends at {end}"
            self.note(entry, "at", message=message, uses=[DURATION_PATH])

    def raw(self, path: TreePath) -> Any:
        """What the file holds at a path, None where there is nothing."""
        value: Any = self.document.root
        for key in path:
            if isinstance(value, Block) and isinstance(key, str):
                value = value.get(key)
            elif isinstance(value, Items) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value

    def datacenter_names(self) -> list[str]:
        """As written, also of datacenters in which something is wrong."""
        datacenters = self.raw(("cluster", "datacenters"))
        return list(datacenters) if isinstance(datacenters, Block) else []

    def no_phase(self, name: str, known: list[str], leave_off: str) -> str:
        """What to say of a phase that does not exist; `leave_off` is what to do without one."""
        if not known:
            return (
                f"there is no phase {name}: this load has no phases: {leave_off}, or add "
                f"phases: [{{name: {name}, at: 50%, for: 10%, rate: x2}}]"
            )
        near = did_you_mean(name, known) or f" (there is {', '.join(known[:5])})"
        return f"there is no phase {name}{near}"

    def client_names(self) -> list[str]:
        """As written or by default, also of clients in which something is wrong."""
        clients = self.raw(("clients",))
        names = []
        for index, client in enumerate(clients if isinstance(clients, Items) else ()):
            name = client.get("name") if isinstance(client, Block) else None
            names.append(name if isinstance(name, str) else f"client{index + 1}")
        return names

    def names_are_known(self) -> bool:
        """Whether every client's name could be read."""
        if not isinstance(self.raw(("clients",)), Items):
            return False
        return not any(
            self.findings.is_broken(("clients", index, "name"))
            for index in range(len(self.client_names()))
        )
