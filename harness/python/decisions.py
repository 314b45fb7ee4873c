"""Records decisions of the Python driver's pools: random walks, one operation at a time.

Usage: decisions.py FILE   (FILE - reads standard input)

FILE is JSON: {"walks": [WALK, ...], "proxy_control": "127.0.0.1:PORT", "out": DIRECTORY,
"parallel": N, "node": "127.0.0.1:9042"}. Each WALK is recorded to OUT/NAME.jsonl, which appears
when it is complete; walks whose file is there are skipped. One JSON line is printed per walk:
{"walk", "operations", "while_creating", "seconds", "kinds"}, or {"walk", "skipped": true}, or
{"walk", "error"}; the exit code is 1 if any walk failed.

WALK: {"name", "seed", "operations", "listen": "127.0.3.7:9042", "protocol": 4 or 2,
"distance": "local" or "remote", "max_in_flight"} and for protocol 2 (the legacy pool) also "core",
"max", "max_requests", "min_requests". "backend", if given here or beside "walks", is a node before
which the proxy shall listen at "listen". Defaults are the driver's. No more than three walks go on
at the same time, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

MOST_PARALLEL = 3
LEGACY_STREAMS = 128
STREAMS = 32768
LEGACY = {
    "local": {"core": 2, "max": 8, "max_requests": 100, "min_requests": 5},
    "remote": {"core": 1, "max": 2, "max_requests": 100, "min_requests": 5},
}
"""The driver's defaults on v1 and v2 (cassandra/cluster.py, DEFAULT_MIN_REQUESTS and following)."""
NEWER = {"core": 1, "max": 1, "max_requests": STREAMS, "min_requests": 0}


def record(walk: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    """Record one walk in this process; what is to be said of it."""
    from proxy_control import ProxyControl
    from real_pool import RealPool, Settings
    from walk import Walk

    began = time.monotonic()
    target = Path(plan["out"]) / f"{walk['name']}.jsonl"
    legacy = int(walk.get("protocol", 4)) < 3
    distance = walk.get("distance", "local")
    defaults = LEGACY[distance] if legacy else NEWER
    proxy = ProxyControl(plan["proxy_control"])
    backend = walk.get("backend", plan.get("backend"))
    if backend is not None:
        proxy.do("listen", listen=walk["listen"], backend=backend)
    settings = Settings(
        listen=walk["listen"],
        node=plan.get("node", "127.0.0.1:9042"),
        legacy=legacy,
        remote=distance == "remote",
        max_in_flight=walk.get("max_in_flight", LEGACY_STREAMS if legacy else STREAMS),
        **{key: walk.get(key, value) for key, value in defaults.items()},
    )
    part = target.with_suffix(f".part{os.getpid()}")
    pool = RealPool(settings, proxy)
    try:
        with part.open("w", encoding="utf-8") as file:
            recorded = Walk(pool, walk["seed"], file)
            recorded.write_header(walk["name"], walk["seed"])
            recorded.run(walk["operations"])
    except BaseException:
        part.rename(target.with_suffix(".failed"))
        raise
    finally:
        pool.close()
    part.rename(target)
    return {
        "walk": walk["name"],
        "operations": recorded.lines,
        "while_creating": recorded.while_creating,
        "seconds": round(time.monotonic() - began, 2),
        "kinds": recorded.counts,
    }


def work(line: str) -> int:
    """The process of one walk: what is replaced in the driver's modules is replaced for good."""
    plan = json.loads(line)
    walk = plan["walk"]
    try:
        print(json.dumps(record(walk, plan)), flush=True)
    except Exception as error:
        print(json.dumps({"walk": walk["name"], "error": f"{type(error).__name__}: {error}"}))
        sys.stdout.flush()
        if os.environ.get("POOLSIM_HARNESS_TRACEBACK"):
            raise
        os._exit(1)
    os._exit(0)  # the driver's threads have nothing to say any more


def run(plan: dict[str, Any]) -> int:
    """Record all walks, so many at the same time; 1 if any of them failed."""
    out = Path(plan["out"])
    out.mkdir(parents=True, exist_ok=True)
    walks: SimpleQueue[dict[str, Any]] = SimpleQueue()
    for walk in plan["walks"]:
        if (out / f"{walk['name']}.jsonl").exists():
            print(json.dumps({"walk": walk["name"], "skipped": True}), flush=True)
        else:
            walks.put(walk)
    common = {key: value for key, value in plan.items() if key != "walks"}
    failed = []

    def serve() -> None:
        while True:
            try:
                walk = walks.get_nowait()
            except Empty:
                return
            asked = json.dumps({**common, "walk": walk})
            process = subprocess.run(
                [sys.executable, __file__, "--walk"],
                input=asked,
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            said = process.stdout.strip()
            if process.returncode != 0:
                failed.append(walk["name"])
                if not said:
                    said = json.dumps({"walk": walk["name"], "error": "its process ended"})
            print(said, flush=True)

    parallel = min(plan.get("parallel", 1), MOST_PARALLEL)
    threads = [threading.Thread(target=serve) for _ in range(parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """Read what is asked for, and do it."""
    if arguments == ["--walk"]:
        return work(sys.stdin.read())
    if len(arguments) != 1:
        print("usage: decisions.py FILE", file=sys.stderr)
        return 2
    text = sys.stdin.read() if arguments == ["-"] else Path(arguments[0]).read_text("utf-8")
    return run(json.loads(text))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
