"""Records one run of the real Python driver.

Usage: runs.py RUN.JSON

Connects, warms up, prints {"ready": true, ...}, reads {"start_ns": T}, runs, writes requests.csv,
hosts.csv and events.csv, prints {"done": true, ...} and exits 0. Exits 3 when the run cannot be
made as asked, 1 on anything unforeseen; stderr says why.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path

BAD_RUN = 3
FIRST_REQUESTS = 30
DRAIN_S = 30


def record(path: Path) -> None:
    """Record the run that a file asks for."""
    import cassandra
    import run_async_loads
    import run_loads
    from run_file import intended, read
    from run_log import Events, Hosts, Requests, write_whole
    from run_session import Timeline, connect, sleep_until

    run = read(path)
    if run.load["kind"] == "open":
        intended(run.load)
    hosts = Hosts(run.hosts, run.translate)
    events = Events()
    session, noted = connect(run, hosts, events)
    for _ in range(FIRST_REQUESTS):
        session.execute(run.query)
    requests = Requests(hosts)
    gc.collect()
    gc.freeze()
    start_ns = agree_on_start(cassandra.__version__)
    timeline = Timeline(run, session, noted, start_ns)
    timeline.start()
    before = time.process_time_ns()
    if run.wrapper == "async":
        run_async_loads.run_load(run, session, requests, start_ns)
    else:
        run_loads.run_load(run, run_loads.Issuer(run, session, requests), start_ns)
    sleep_until(start_ns + run.duration_ns)
    used = time.process_time_ns() - before
    timeline.join()
    drained = time.monotonic() + DRAIN_S
    while requests.finished < requests.issued and time.monotonic() < drained:
        time.sleep(0.01)
    write_whole(run.out, "requests.csv", lambda file: requests.write(file, start_ns))
    write_whole(run.out, "hosts.csv", timeline.write)
    write_whole(run.out, "events.csv", lambda file: events.write(file, start_ns))
    say(
        done=True,
        cpu_ns=used,
        requests=requests.issued,
        unfinished=requests.issued - requests.finished,
    )


def agree_on_start(driver_version: str) -> int:
    """Tell the harness that all is ready, and read when the run is to start."""
    from run_file import BadRun

    say(ready=True, driver_version=driver_version, python_version=sys.version.split()[0])
    line = sys.stdin.readline()
    if not line:
        raise BadRun("the harness went away before the run")
    try:
        start_ns = int(json.loads(line)["start_ns"])
    except (ValueError, KeyError, TypeError):
        raise BadRun(f'expected {{"start_ns": T}} from the harness, not {line!r}') from None
    late = time.monotonic_ns() - start_ns
    if late > 0:
        raise BadRun(f"start_ns was {late} ns ago when it arrived")
    threading.Thread(target=end_with_harness, daemon=True).start()
    return start_ns


def end_with_harness() -> None:
    """A harness that goes away takes the recorder with it: nobody would read what it records."""
    while sys.stdin.readline():
        pass
    print("recorder: the harness went away during the run", file=sys.stderr, flush=True)
    os._exit(1)


def say(**what: object) -> None:
    """One JSON line to the harness."""
    print(json.dumps(what), flush=True)


def main(arguments: list[str]) -> int:
    """Record; the exit status."""
    from run_file import BadRun

    try:
        if len(arguments) != 1:
            raise BadRun("one argument is needed: the path of run.json")
        record(Path(arguments[0]))
    except BadRun as error:
        print(f"recorder: {error}", file=sys.stderr)
        return BAD_RUN
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the driver's threads have nothing to say any more
