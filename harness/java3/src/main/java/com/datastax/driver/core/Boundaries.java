package com.datastax.driver.core;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The instants at which the driver's clock changes an answer: the end of a backoff, the idle
 * deadlines of what lies in the trash.
 *
 * <p>An operation is kept away from them: what the driver reads a millisecond later than the
 * recorder would otherwise be a guess. Where the machine stalls across such an instant all the
 * same, the operation's line is ambiguous, and {@link #areStraddled} says so.
 */
final class Boundaries {

  private static final long GUARD_MS = 100;
  private static final long MARGIN_MS = 2;

  /** How many operations a walk does, on average, in a backoff. */
  private static final int OPERATIONS_EMPTY = 6;

  private static final int OPERATIONS_IN_BACKOFF = 50;

  private final ObservedPool observed;
  private final HostConnectionPool pool;
  private final ObservedPool.Clock clock;
  private final SplittableRandom random;
  private final List<Long> atStart = new ArrayList<>();
  private long startMs;

  Boundaries(ObservedPool observed, ObservedPool.Clock clock, SplittableRandom random) {
    this.observed = observed;
    this.clock = clock;
    this.random = random;
    pool = observed.pool;
  }

  /**
   * Wait until no boundary is near, and begin an operation.
   *
   * @return its time in ms of the clock
   */
  long begin() throws InterruptedException {
    boolean waited = true;
    while (waited) {
      collect();
      waited = false;
      for (long instant : atStart) {
        waited |= waitFor(instant);
      }
    }
    startMs = clock.nowMs();
    return startMs;
  }

  /** Whether a boundary, of before the operation or made by it, fell into the operation. */
  boolean areStraddled() {
    long endMs = clock.nowMs();
    Long backoff = observed.backoffUntilMs();
    if (backoff != null && isStraddled(backoff, endMs)) {
      return true;
    }
    for (long instant : atStart) {
      if (isStraddled(instant, endMs)) {
        return true;
      }
    }
    return false;
  }

  private boolean isStraddled(long instant, long endMs) {
    return instant + 1 >= startMs && instant - 1 <= endMs;
  }

  private void collect() {
    atStart.clear();
    Long backoff = observed.backoffUntilMs();
    if (backoff != null) {
      atStart.add(backoff);
    }
    for (Connection connection : pool.trash) {
      if (connection.maxIdleTime != Long.MIN_VALUE) {
        atStart.add(observed.deadlineMs(connection));
      }
    }
  }

  /** Where an instant is near, wait until it is past. */
  private boolean waitFor(long instant) throws InterruptedException {
    long now = clock.nowMs();
    if (instant + MARGIN_MS < now || instant > now + GUARD_MS) {
      return false;
    }
    sleepPast(instant);
    return true;
  }

  private void sleepPast(long instant) throws InterruptedException {
    while (clock.nowMs() <= instant + MARGIN_MS) {
      Thread.sleep(1);
    }
  }

  /**
   * Now and then wait until the driver may connect again. A walk does hundreds of operations in a
   * backoff of a second; most of them would meet an empty pool.
   */
  void passBackoff() throws InterruptedException {
    Long until = observed.backoffUntilMs();
    int operations = pool.connections.isEmpty() ? OPERATIONS_EMPTY : OPERATIONS_IN_BACKOFF;
    if (until != null && random.nextInt(operations) == 0) {
      sleepPast(until);
    }
  }
}
