"""What a recorder does with each request row, as a function that is compiled.

The numpy way (`recorder.py`, `tables.py`, `digest.py`) does the same by the batch and is what runs
where nothing is compiled; a test holds the two against each other. Histograms are counted in small
hash tables that stay in the processor's cache; who calls merges them into `SparseCounts` when they
are full.
"""

from __future__ import annotations

from typing import Any

from poolsim.model.kinds import BUSY_CONNECTION, BUSY_TIMED_OUT, OUTCOME_NAMES
from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.recording.digest import DIGEST_ROWS
from poolsim.recording.record import BUCKETS, DURATION_NAMES, TIMELINE_BUCKETS

PARAMETERS = (
    "owner",  # address of the client of each session
    "clients",
    "nodes",  # and one for "none"
    "interval_ns",
    "intervals",
    "edges",  # address of the instants at which segments begin, the first one's excepted
    "edge_count",
    "requests",  # addresses of what RunningIntervals holds
    "errors",
    "ok",
    "latency_sum",
    "latency_max",
    "outcomes",  # addresses of what RunningSegments holds
    "retries",
    "refused",
    "sums",
    "largest",
    "smallest",
    "succeeded",
    "interval_counts",  # address of a hash table: key, count, key, count, ...
    "interval_used",
    "segment_counts",
    "segment_used",
    "interval_zeros",  # addresses: how often a wait was 0, by cell, and a duration, by place
    "segment_zeros",
    "failed",  # address of a list of rows that did not end ok
    "failed_count",
    "weights",  # address of the digest's weights
    "digest_row",  # within its stretch
    "digest_sum",
    "digest_sums",  # address of the sums of stretches that are complete
    "digest_count",
)
"""Words of the block that the function is given, in order."""

PLACE = {name: place for place, name in enumerate(PARAMETERS)}

INTERVAL_BITS = 15
SEGMENT_BITS = 14
"""Logarithms of how many places the hash tables have."""

_WIDTH = len(REQUEST_COLUMNS)
_OUTCOMES = len(OUTCOME_NAMES)
_DURATIONS = len(DURATION_NAMES)
_SPREAD = -7046029254386353131  # 2**64 over the golden ratio, odd: neighbours go far apart
_INTERVAL_MASK = (1 << INTERVAL_BITS) - 1
_SEGMENT_MASK = (1 << SEGMENT_BITS) - 1
_INTERVAL_LIMIT = 3 << (INTERVAL_BITS - 2)
_SEGMENT_LIMIT = 3 << (SEGMENT_BITS - 2)
_EXPONENT_BIAS = 1023
_MANTISSA_BITS = 52
_LAST = BUSY_TIMED_OUT
_BUSY = BUSY_CONNECTION
_INTERVAL_KEY_BITS = TIMELINE_BUCKETS.key_bits
_SEGMENT_KEY_BITS = BUCKETS.key_bits
_FINE_SHIFT = _MANTISSA_BITS - BUCKETS.bits
_FINE_FIRST = (_EXPONENT_BIAS << BUCKETS.bits) - 1
_COARSE_SHIFT = _MANTISSA_BITS - TIMELINE_BUCKETS.bits
_COARSE_FIRST = (_EXPONENT_BIAS << TIMELINE_BUCKETS.bits) - 1

(
    _OWNER,
    _CLIENTS,
    _NODES,
    _INTERVAL_NS,
    _INTERVALS,
    _EDGES,
    _EDGE_COUNT,
    _REQUESTS,
    _ERRORS,
    _OK,
    _LATENCY_SUM,
    _LATENCY_MAX,
    _OUTCOMES_AT,
    _RETRIES,
    _REFUSED,
    _SUMS,
    _LARGEST,
    _SMALLEST,
    _SUCCEEDED,
    _INTERVAL_COUNTS,
    _INTERVAL_USED,
    _SEGMENT_COUNTS,
    _SEGMENT_USED,
    _INTERVAL_ZEROS,
    _SEGMENT_ZEROS,
    _FAILED,
    _FAILED_COUNT,
    _WEIGHTS,
    _DIGEST_ROW,
    _DIGEST_SUM,
    _DIGEST_SUMS,
    _DIGEST_COUNT,
) = range(len(PARAMETERS))


def words_at(address: int) -> Any:
    """The words behind an address; compiled, it is `machine_code.words.words_at`."""
    raise NotImplementedError


def float_pattern(value: int) -> int:
    """The bit pattern of a float64; compiled, it is `machine_code.words.float_pattern`."""
    raise NotImplementedError


def count_key(table: Any, mask: int, key: int) -> int:
    """Count a key in a hash table of so many places; 1 where it is new."""
    place = ((key * _SPREAD) >> 32) & mask
    while True:
        count = table[2 * place + 1]
        if count == 0:
            table[2 * place] = key
            table[2 * place + 1] = 1
            return 1
        if table[2 * place] == key:
            table[2 * place + 1] = count + 1
            return 0
        place = (place + 1) & mask


def fine_bucket(value: int) -> int:
    """The bucket of `BUCKETS`."""
    bucket = (float_pattern(value) >> _FINE_SHIFT) - _FINE_FIRST
    return bucket if bucket > 0 else 0


def coarse_bucket(value: int) -> int:
    """The bucket of `TIMELINE_BUCKETS`."""
    bucket = (float_pattern(value) >> _COARSE_SHIFT) - _COARSE_FIRST
    return bucket if bucket > 0 else 0


def interval_of(time: int, length: int, last: int) -> int:
    """The interval of a time; what lies behind the run counts to the last one."""
    interval = time // length
    return interval if interval < last else last


def segment_of(edges: Any, count: int, time: int, near: int) -> int:
    """The segment of a time, looked for from one that is near."""
    segment = near
    while segment < count and time >= edges[segment]:
        segment += 1
    while segment > 0 and time < edges[segment - 1]:
        segment -= 1
    return segment


def is_refused(kinds: int) -> int:
    """1 where an attempt met a rejection by a pool, by the kinds of a request's errors."""
    left = kinds
    while left > 0:
        kind = left & 15
        if (kind > 0 and kind <= _LAST) or kind == _BUSY:
            return 1
        left >>= 4
    return 0


def add_duration(p: Any, cell: int, duration: int, value: int) -> int:
    """Add a duration of a request that ended ok; 1 where its histogram has a new bucket. Most waits
    are 0: they are only counted."""
    place = cell * _DURATIONS + duration
    if value == 0:
        words_at(p[_SEGMENT_ZEROS])[place] += 1
        words_at(p[_SMALLEST])[place] = 0
        return 0
    sums = words_at(p[_SUMS])
    sums[place] += value
    largest = words_at(p[_LARGEST])
    if value > largest[place]:
        largest[place] = value
    smallest = words_at(p[_SMALLEST])
    if value < smallest[place]:
        smallest[place] = value
    key = (place << _SEGMENT_KEY_BITS) | fine_bucket(value)
    return count_key(words_at(p[_SEGMENT_COUNTS]), _SEGMENT_MASK, key)


def add_to_interval(p: Any, cell: int, latency: int, wait: int) -> int:
    """Add a request that ended ok to the interval in which it was due; how many buckets are new."""
    words_at(p[_OK])[cell] += 1
    words_at(p[_LATENCY_SUM])[cell] += latency
    largest = words_at(p[_LATENCY_MAX])
    if latency > largest[cell]:
        largest[cell] = latency
    table = words_at(p[_INTERVAL_COUNTS])
    key = ((2 * cell) << _INTERVAL_KEY_BITS) | coarse_bucket(latency)
    new = count_key(table, _INTERVAL_MASK, key)
    if wait == 0:
        words_at(p[_INTERVAL_ZEROS])[cell] += 1
        return new
    key = ((2 * cell + 1) << _INTERVAL_KEY_BITS) | coarse_bucket(wait)
    return new + count_key(table, _INTERVAL_MASK, key)


def condense(p: Any, rows: Any, base: int, total: int, row: int) -> int:
    """Add a row to the digest's sum of a stretch (`digest.RunDigest`); the sum so far."""
    weights = words_at(p[_WEIGHTS])
    first = row * _WIDTH
    for column in range(_WIDTH):
        total += rows[base + column] * weights[first + column]
    if row == DIGEST_ROWS - 1:
        words_at(p[_DIGEST_SUMS])[p[_DIGEST_COUNT]] = total
        p[_DIGEST_COUNT] += 1
        return 0
    return total


def add_rows(address: int, rows_address: int, count: int) -> int:
    """Add rows of REQUEST_COLUMNS to a recorder's sums.

    Returns how many were added: fewer than `count` where a hash table has no room for more.
    """
    p = words_at(address)
    rows = words_at(rows_address)
    owner = words_at(p[_OWNER])
    edges = words_at(p[_EDGES])
    clients = p[_CLIENTS]
    nodes = p[_NODES]
    length = p[_INTERVAL_NS]
    last = p[_INTERVALS] - 1
    edge_count = p[_EDGE_COUNT]
    interval_used = p[_INTERVAL_USED]
    segment_used = p[_SEGMENT_USED]
    begun = 0
    ended_in = 0
    begun_interval = 0
    ended_interval = 0
    total = p[_DIGEST_SUM]
    digest_row = p[_DIGEST_ROW]
    done = 0
    while done < count:
        if interval_used > _INTERVAL_LIMIT or segment_used > _SEGMENT_LIMIT:
            break
        base = done * _WIDTH
        total = condense(p, rows, base, total, digest_row)
        digest_row = (digest_row + 1) & (DIGEST_ROWS - 1)
        client = owner[rows[base + 1]]
        node = rows[base + 2]
        if node < 0:
            node = nodes - 1
        outcome = rows[base + 3]
        attempts = rows[base + 4]
        intended = rows[base + 5]
        ended = rows[base + 9]
        if ended < ended_interval * length or ended >= (ended_interval + 1) * length:
            ended_interval = interval_of(ended, length, last)
        cell = (ended_interval * clients + client) * nodes + node
        words_at(p[_REQUESTS])[cell] += 1
        begun = segment_of(edges, edge_count, intended, begun)
        segment = begun * clients + client
        words_at(p[_OUTCOMES_AT])[segment * _OUTCOMES + outcome] += 1
        if attempts > 1:
            words_at(p[_RETRIES])[segment] += attempts - 1
        words_at(p[_REFUSED])[segment] += is_refused(rows[base + 10])
        if outcome != 0:
            words_at(p[_ERRORS])[cell] += 1
            words_at(p[_FAILED])[p[_FAILED_COUNT]] = done
            p[_FAILED_COUNT] += 1
        else:
            ended_in = segment_of(edges, edge_count, ended, ended_in)
            words_at(p[_SUCCEEDED])[ended_in * clients + client] += 1
            latency = ended - intended
            wait = rows[base + 7]
            if intended < begun_interval * length or intended >= (begun_interval + 1) * length:
                begun_interval = interval_of(intended, length, last)
            cell = (begun_interval * clients + client) * nodes + node
            interval_used += add_to_interval(p, cell, latency, wait)
            segment_used += add_duration(p, segment, 0, latency)
            segment_used += add_duration(p, segment, 1, wait)
            segment_used += add_duration(p, segment, 2, rows[base + 8])
            segment_used += add_duration(p, segment, 3, rows[base + 6] - intended)
        done += 1
    p[_INTERVAL_USED] = interval_used
    p[_SEGMENT_USED] = segment_used
    p[_DIGEST_SUM] = total
    p[_DIGEST_ROW] = digest_row
    return done


PARTS = (
    count_key,
    fine_bucket,
    coarse_bucket,
    interval_of,
    segment_of,
    is_refused,
    add_duration,
    add_to_interval,
    condense,
)
"""What `add_rows` calls, to be compiled with it."""
