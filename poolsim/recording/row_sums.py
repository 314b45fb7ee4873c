"""What a recorder does with each request row, as a function that is compiled.

The numpy way (`recorder.py`, `tables.py`, `digest.py`) does the same by the batch and is what runs
where nothing is compiled; a test holds the two against each other.

Histograms: most requests are due in the interval and the segment in which the last ones were. For
these there is a *window*, a plain array of counters by cell and bucket, and a bit for each counter
that is not 0. When a later interval or segment begins, what the window has counted is listed in
the order of the keys. Requests that were due before it, and all where a window would be too large,
are counted in small hash tables. Who calls merges both into `SparseCounts`.
"""

from __future__ import annotations

from typing import Any

from poolsim.model.kinds import BUSY_CONNECTION, BUSY_TIMED_OUT, OUTCOME_NAMES
from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.recording.digest import DIGEST_ROWS
from poolsim.recording.record import BUCKETS, DURATION_NAMES, TIMELINE_BUCKETS

_WINDOW = (
    "window",  # which interval or segment it is for; NO_WINDOW where there is none
    "window_entries",  # how many counters an interval or segment has
    "window_counts",  # address
    "window_marks",  # address of a bit for each counter
    "window_used",  # counters that are not 0
    "listed_keys",  # addresses of what was listed
    "listed_counts",
    "listed",
    "listed_room",
    "hash",  # address of a hash table: key, count, key, count, ...
    "hash_used",
)
"""Words of a table of histograms."""

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
    "failed",  # address of a list of rows that did not end ok
    "failed_count",
    "weights",  # address of the digest's weights
    "digest_row",  # within its stretch
    "digest_sum",
    "digest_sums",  # address of the sums of stretches that are complete
    "digest_count",
    *(f"interval_{name}" for name in _WINDOW),
    *(f"segment_{name}" for name in _WINDOW),
)
"""Words of the block that the function is given, in order."""

PLACE = {name: place for place, name in enumerate(PARAMETERS)}

HASH_BITS = 15
"""Logarithm of how many places a hash table has."""

NO_WINDOW = (1 << 63) - 1

_WIDTH = len(REQUEST_COLUMNS)
_OUTCOMES = len(OUTCOME_NAMES)
_DURATIONS = len(DURATION_NAMES)
_SPREAD = -7046029254386353131  # 2**64 over the golden ratio, odd: neighbours go far apart
_HASH_MASK = (1 << HASH_BITS) - 1
_HASH_LIMIT = 3 << (HASH_BITS - 2)
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
_MARK_BITS = 6

_OWNER = PLACE["owner"]
_CLIENTS = PLACE["clients"]
_NODES = PLACE["nodes"]
_INTERVAL_NS = PLACE["interval_ns"]
_INTERVALS = PLACE["intervals"]
_EDGES = PLACE["edges"]
_EDGE_COUNT = PLACE["edge_count"]
_REQUESTS = PLACE["requests"]
_ERRORS = PLACE["errors"]
_OK = PLACE["ok"]
_LATENCY_SUM = PLACE["latency_sum"]
_LATENCY_MAX = PLACE["latency_max"]
_OUTCOMES_AT = PLACE["outcomes"]
_RETRIES = PLACE["retries"]
_REFUSED = PLACE["refused"]
_SUMS = PLACE["sums"]
_LARGEST = PLACE["largest"]
_SMALLEST = PLACE["smallest"]
_SUCCEEDED = PLACE["succeeded"]
_FAILED = PLACE["failed"]
_FAILED_COUNT = PLACE["failed_count"]
_WEIGHTS = PLACE["weights"]
_DIGEST_ROW = PLACE["digest_row"]
_DIGEST_SUM = PLACE["digest_sum"]
_DIGEST_SUMS = PLACE["digest_sums"]
_DIGEST_COUNT = PLACE["digest_count"]
INTERVAL = PLACE["interval_window"]
SEGMENT = PLACE["segment_window"]
(
    _WINDOW_OF,
    _ENTRIES,
    _COUNTS,
    _MARKS,
    _USED,
    _KEYS,
    _LISTED_COUNTS,
    _LISTED,
    _ROOM,
    _HASH,
    _HASH_USED,
) = range(len(_WINDOW))


def words_at(address: int) -> Any:
    """The words behind an address; compiled, it is `machine_code.words.words_at`."""
    raise NotImplementedError


def float_pattern(value: int) -> int:
    """The bit pattern of a float64; compiled, it is `machine_code.words.float_pattern`."""
    raise NotImplementedError


def trailing_zeros(value: int) -> int:
    """Zeros below the lowest bit; compiled, it is `machine_code.bits.trailing_zeros`."""
    raise NotImplementedError


def count_key(table: Any, key: int) -> int:
    """Count a key in a hash table; 1 where it is new."""
    place = ((key * _SPREAD) >> 32) & _HASH_MASK
    while True:
        count = table[2 * place + 1]
        if count == 0:
            table[2 * place] = key
            table[2 * place + 1] = 1
            return 1
        if table[2 * place] == key:
            table[2 * place + 1] = count + 1
            return 0
        place = (place + 1) & _HASH_MASK


def count_entry(p: Any, t: int, part: int, entry: int) -> None:
    """Count an entry of an interval or segment in the histograms whose words begin at `t`."""
    if part == p[t + _WINDOW_OF]:
        counts = words_at(p[t + _COUNTS])
        count = counts[entry]
        counts[entry] = count + 1
        if count == 0:
            words_at(p[t + _MARKS])[entry >> _MARK_BITS] |= 1 << (entry & 63)
            p[t + _USED] += 1
    else:
        p[t + _HASH_USED] += count_key(words_at(p[t + _HASH]), part * p[t + _ENTRIES] + entry)


def list_window(p: Any, t: int) -> None:
    """List what a window has counted, and empty it."""
    marks = words_at(p[t + _MARKS])
    counts = words_at(p[t + _COUNTS])
    keys = words_at(p[t + _KEYS])
    listed_counts = words_at(p[t + _LISTED_COUNTS])
    first = p[t + _WINDOW_OF] * p[t + _ENTRIES]
    listed = p[t + _LISTED]
    for word in range(p[t + _ENTRIES] >> _MARK_BITS):
        left = marks[word]
        if left != 0:
            marks[word] = 0
            while left != 0:
                entry = (word << _MARK_BITS) + trailing_zeros(left)
                left &= left - 1
                keys[listed] = first + entry
                listed_counts[listed] = counts[entry]
                counts[entry] = 0
                listed += 1
    p[t + _LISTED] = listed
    p[t + _USED] = 0


def is_full(p: Any, t: int) -> int:
    """1 where there may be no room for what one more row brings."""
    if p[t + _HASH_USED] > _HASH_LIMIT or p[t + _LISTED] + p[t + _USED] > p[t + _ROOM]:
        return 1
    return 0


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


def add_duration(p: Any, segment: int, client: int, duration: int, value: int) -> None:
    """Add a duration of a request that ended ok."""
    of_client = client * _DURATIONS + duration
    place = segment * p[_CLIENTS] * _DURATIONS + of_client
    if value == 0:
        words_at(p[_SMALLEST])[place] = 0
    else:
        words_at(p[_SUMS])[place] += value
        largest = words_at(p[_LARGEST])
        if value > largest[place]:
            largest[place] = value
        smallest = words_at(p[_SMALLEST])
        if value < smallest[place]:
            smallest[place] = value
    count_entry(p, SEGMENT, segment, (of_client << _SEGMENT_KEY_BITS) | fine_bucket(value))


def add_to_interval(p: Any, interval: int, place: int, latency: int, wait: int) -> None:
    """Add a request that ended ok to the interval in which it was due, at its client's and node's
    place."""
    cell = interval * p[_CLIENTS] * p[_NODES] + place
    words_at(p[_OK])[cell] += 1
    words_at(p[_LATENCY_SUM])[cell] += latency
    largest = words_at(p[_LATENCY_MAX])
    if latency > largest[cell]:
        largest[cell] = latency
    first = (2 * place) << _INTERVAL_KEY_BITS
    count_entry(p, INTERVAL, interval, first | coarse_bucket(latency))
    first += 1 << _INTERVAL_KEY_BITS
    count_entry(p, INTERVAL, interval, first | coarse_bucket(wait))


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

    Returns how many were added: fewer than `count` where there is no room for more.
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
    begun = ended_in = 0
    begun_interval = ended_interval = 0
    total = p[_DIGEST_SUM]
    digest_row = p[_DIGEST_ROW]
    done = 0
    while done < count:
        if is_full(p, INTERVAL) + is_full(p, SEGMENT) > 0:
            break
        base = done * _WIDTH
        total = condense(p, rows, base, total, digest_row)
        digest_row = (digest_row + 1) & (DIGEST_ROWS - 1)
        client = owner[rows[base + 1]]
        node = rows[base + 2]
        if node < 0:
            node = nodes - 1
        place = client * nodes + node
        outcome = rows[base + 3]
        attempts = rows[base + 4]
        intended = rows[base + 5]
        ended = rows[base + 9]
        if ended < ended_interval * length or ended >= (ended_interval + 1) * length:
            ended_interval = interval_of(ended, length, last)
        cell = ended_interval * clients * nodes + place
        words_at(p[_REQUESTS])[cell] += 1
        begun = segment_of(edges, edge_count, intended, begun)
        if begun > p[SEGMENT]:
            list_window(p, SEGMENT)
            p[SEGMENT] = begun
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
            if begun_interval > p[INTERVAL]:
                list_window(p, INTERVAL)
                p[INTERVAL] = begun_interval
            add_to_interval(p, begun_interval, place, latency, wait)
            add_duration(p, begun, client, 0, latency)
            add_duration(p, begun, client, 1, wait)
            add_duration(p, begun, client, 2, rows[base + 8])
            add_duration(p, begun, client, 3, rows[base + 6] - intended)
        done += 1
    p[_DIGEST_SUM] = total
    p[_DIGEST_ROW] = digest_row
    return done


PARTS = (
    count_key,
    count_entry,
    list_window,
    is_full,
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
