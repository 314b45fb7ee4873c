"""What a command loads before it has anything to do: why it starts fast, or why not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SLOW = ("pandas", "pyarrow", "matplotlib", "scipy", "numba")


def loaded(*arguments: str) -> list[str]:
    """Which slow libraries `poolsim ARGUMENTS` has imported by its end."""
    program = (
        "import sys\n"
        "from poolsim.cli import main\n"
        f"sys.argv = ['poolsim', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('loaded', *[name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return result.stderr.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("init", "--list")])
def test_help_imports_no_slow_library(arguments: tuple[str, ...]) -> None:
    assert loaded(*arguments) == []
