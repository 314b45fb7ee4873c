"""The hand-written C loop (`loop.c`): what can be had where nothing else is asked for."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workload import Summary, Workload

SOURCE = Path(__file__).with_name("loop.c")


def is_there() -> bool:
    """Whether this machine has a C compiler."""
    return shutil.which("cc") is not None


@cache
def _library() -> Any:
    folder = tempfile.mkdtemp(prefix="poolsim-benchmark-")
    shared = Path(folder) / "loop.so"
    flags = ["-O3", "-march=native", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", str(shared), str(SOURCE)], check=True)
    library = ctypes.CDLL(str(shared))
    shutil.rmtree(folder)
    return library


def run(workload: Workload, count: int, seed: int) -> Summary:
    """Simulate the first `count` requests to their ends."""
    random = np.random.default_rng(seed)
    gaps_s = random.exponential(1 / workload.rate, count)
    services_s = random.exponential(workload.mean_service_s, count)
    latencies_s = np.empty(count)
    pointers = [
        array.ctypes.data_as(ctypes.c_void_p) for array in (gaps_s, services_s, latencies_s)
    ]
    integers = ctypes.c_int64
    failed = _library().simulate(
        integers(count),
        *pointers,
        integers(workload.connections),
        integers(workload.streams),
        integers(workload.max_queue),
        ctypes.c_double(workload.pool_timeout_s),
        integers(workload.workers),
        ctypes.c_double(workload.network_s),
    )
    if failed:
        raise MemoryError
    served = latencies_s[latencies_s >= 0]
    rejected, timed_out = (int((latencies_s == code).sum()) for code in (-1, -2))
    return Summary(len(served), rejected, timed_out, float(served.mean()))
