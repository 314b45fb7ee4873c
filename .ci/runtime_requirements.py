"""Print the part of a lock that installing poolsim without extras needs, hashes and all.

    runtime_requirements.py pyproject.toml requirements.lock

The lock names for each package who asked for it ("# via"), so the part is what can be reached from
the project's own dependencies. Installing only that shows that poolsim runs without its developers'
tools.
"""

import re
import sys
import tomllib
from pathlib import Path


def canonical(name: str) -> str:
    """A package's name as an index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(lock: str) -> list[tuple[str, str, set[str]]]:
    """Name, text and dependants of each entry, in the order of the lock."""
    found = []
    for text in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        name = re.match(r"([A-Za-z0-9._-]+)(\[[^\]]*\])?==", text)
        if name:
            comments = re.findall(r"^ +# +(?:via +)?(\S+)", text, flags=re.MULTILINE)
            found.append((canonical(name[1]), text, {canonical(one) for one in comments}))
    return found


def runtime(pyproject: str, lock: str) -> str:
    """The entries of `lock` that the project's dependencies need."""
    declared = tomllib.loads(pyproject)["project"]["dependencies"]
    names = [re.match(r"[A-Za-z0-9._-]+", dependency) for dependency in declared]
    needed = {canonical(name[0]) for name in names if name}
    locked = entries(lock)
    missing = needed - {name for name, _, _ in locked}
    if missing:
        sys.exit(f"not in the lock: {', '.join(sorted(missing))}")
    while True:
        reached = needed | {name for name, _, dependants in locked if dependants & needed}
        if reached == needed:
            return "".join(text for name, text, _ in locked if name in needed)
        needed = reached


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(runtime(Path(sys.argv[1]).read_text(), Path(sys.argv[2]).read_text()), end="")
