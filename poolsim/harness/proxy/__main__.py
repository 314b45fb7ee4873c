"""`python -m poolsim.harness.proxy --control 127.0.0.1:0`: one proxy, until it is told to stop."""

from __future__ import annotations

import argparse
import json
import sys

from poolsim.harness.proxy.control import Control
from poolsim.harness.proxy.listener import parse_address
from poolsim.harness.proxy.loop import take_precedence


def main() -> int:
    """Print where the control connection goes, then serve."""
    parser = argparse.ArgumentParser(prog="poolsim.harness.proxy", description=__doc__)
    parser.add_argument(
        "--control",
        default="127.0.0.1:0",
        metavar="ADDRESS:PORT",
        help="where commands are taken (port 0: a free one)",
    )
    parser.add_argument(
        "--precedence",
        action="store_true",
        help="run before all other programs (needs the right to; goes on without it)",
    )
    arguments = parser.parse_args()
    try:
        control = Control(parse_address(arguments.control))
    except (OSError, ValueError) as error:
        print(f"--control {arguments.control}: {error}", file=sys.stderr)
        return 6 if isinstance(error, OSError) else 2
    host, port = control.address
    is_first = arguments.precedence and take_precedence()
    print(json.dumps({"control": f"{host}:{port}", "precedence": is_first}), flush=True)
    control.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
