package poolsim.runs;

import java.util.concurrent.locks.LockSupport;

/** CLOCK_MONOTONIC in nanoseconds, and waiting for an instant of it. */
final class Clock {
  /** A parked thread comes back about this much late, so the rest of a wait is spun. */
  private static final long SPIN_NS = 60_000;

  private Clock() {}

  static long now() {
    return System.nanoTime();
  }

  /** Returns at `instant` or later, never before. */
  static void awaitInstant(long instant) {
    while (true) {
      long left = instant - System.nanoTime();
      if (left <= 0) {
        return;
      }
      if (left > SPIN_NS) {
        LockSupport.parkNanos(left - SPIN_NS);
      } else {
        Thread.onSpinWait();
      }
    }
  }

  /** As `awaitInstant` without the spinning: for threads whose precision matters less. */
  static void sleepUntil(long instant) {
    while (true) {
      long left = instant - System.nanoTime();
      if (left <= 0) {
        return;
      }
      LockSupport.parkNanos(left);
    }
  }
}
