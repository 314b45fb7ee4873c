package poolsim.runs;

import com.datastax.driver.core.Statement;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;

/**
 * A number of workers, each with one request at a time, which phases change.
 *
 * <p>A window that grows launches workers one by one, before workers that are ready again; one that
 * shrinks retires workers as their requests end. A worker whose request failed pauses first. Ends
 * come back from the driver's threads through a ring without locks: sign and size of an entry tell
 * whether the request went well and when it ended.
 */
final class ClosedLoop implements Load {
  private static final long EXPECTED_PER_SECOND = 4_000;
  private static final long MOST_EXPECTED = 2_000_000;
  private static final long LONGEST_PARK_NS = 100_000_000;

  private final long[] phaseAt;
  private final int[] phaseWindow;
  private final long gap;
  private final long errorPause;

  private final AtomicLongArray ring;
  private final int mask;
  private final AtomicLong written = new AtomicLong();
  private long read;

  private final long[] paused;
  private long pausedFirst;
  private long pausedNext;

  private volatile Thread parked;

  /**
   * @param phaseAt nanoseconds from the start, rising, the first 0
   * @param phaseWindow workers from that time on
   * @param gap shortest time between two starts, in nanoseconds
   * @param errorPause a worker's pause after a failure, in nanoseconds
   */
  ClosedLoop(long[] phaseAt, int[] phaseWindow, long gap, long errorPause) {
    this.phaseAt = phaseAt;
    this.phaseWindow = phaseWindow;
    this.gap = gap;
    this.errorPause = errorPause;
    int most = 1;
    for (int window : phaseWindow) {
      most = Math.max(most, window);
    }
    // Retired workers' last requests may still be there when as many new ones come.
    int size = Integer.highestOneBit(2 * most) << 1;
    ring = new AtomicLongArray(size);
    mask = size - 1;
    paused = new long[size];
  }

  @Override
  public void run(Issuer issuer, long start, long end) {
    issuer.whenCompleted(this::ended);
    int phase = -1;
    int window = 0;
    int workers = 0;
    long launchedAt = start;
    long free = start;
    Clock.awaitInstant(start);
    while (true) {
      Statement statement = issuer.prepare();
      long due = Long.MIN_VALUE;
      while (due == Long.MIN_VALUE) {
        long now = Clock.now();
        if (now >= end) {
          return;
        }
        while (phase + 1 < phaseAt.length && start + phaseAt[phase + 1] <= now) {
          phase++;
          window = phaseWindow[phase];
          launchedAt = start + phaseAt[phase];
        }
        if (workers < window) {
          workers++;
          due = launchedAt;
          continue;
        }
        long ended = ring.get((int) (read & mask));
        if (ended != 0) {
          ring.set((int) (read & mask), 0);
          read++;
          if (workers > window) {
            workers--;
          } else if (ended > 0) {
            due = ended;
          } else {
            paused[(int) (pausedNext++ & mask)] = -ended + errorPause;
          }
          continue;
        }
        long next = phase + 1 < phaseAt.length ? start + phaseAt[phase + 1] : end;
        if (pausedFirst < pausedNext) {
          long over = paused[(int) (pausedFirst & mask)];
          if (over <= now) {
            pausedFirst++;
            if (workers > window) {
              workers--;
            } else {
              due = over;
            }
            continue;
          }
          next = Math.min(next, over);
        }
        park(Math.min(next, now + LONGEST_PARK_NS));
      }
      Clock.awaitInstant(free);
      free = issuer.issue(statement, due) + gap;
    }
  }

  /** A request ended; on the driver's thread. */
  private void ended(long at, byte outcome) {
    long place = written.getAndIncrement();
    ring.set((int) (place & mask), outcome == Outcome.OK ? at : -at);
    Thread sleeper = parked;
    if (sleeper != null) {
      LockSupport.unpark(sleeper);
    }
  }

  private void park(long until) {
    parked = Thread.currentThread();
    if (ring.get((int) (read & mask)) == 0) {
      LockSupport.parkNanos(until - Clock.now());
    }
    parked = null;
  }

  @Override
  public long expected(long durationNs) {
    return Math.min(MOST_EXPECTED, durationNs / 1_000_000_000L * EXPECTED_PER_SECOND + 1);
  }
}
