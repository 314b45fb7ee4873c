package com.datastax.driver.core;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Waits by asking again and again, and not for ever.
 *
 * <p>What happens inside the JVM is there within microseconds: no sleep. What takes a millisecond
 * comes from another process, which needs the processor.
 */
final class Patience {

  private static final long LIMIT_NS = 20_000_000_000L;
  private static final long INSIDE_NS = 1_000_000L;
  private static final long PAUSE_NS = 20_000L;
  private static final int SPINS = 200;

  private Patience() {}

  /**
   * Wait until something holds.
   *
   * @throws StuckException after twenty seconds
   */
  static void until(BooleanSupplier holds, String what) {
    for (int spin = 0; spin < SPINS; spin++) {
      if (holds.getAsBoolean()) {
        return;
      }
      Thread.onSpinWait();
    }
    long start = System.nanoTime();
    while (!holds.getAsBoolean()) {
      long waited = System.nanoTime() - start;
      if (waited < INSIDE_NS) {
        Thread.yield();
      } else {
        LockSupport.parkNanos(PAUSE_NS);
      }
      if (waited > LIMIT_NS) {
        throw new StuckException(what);
      }
    }
  }

  /** What was waited for did not come: the node, the proxy or the recorder is at fault. */
  static final class StuckException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StuckException(String what) {
      super("waited 20 s in vain for " + what);
    }
  }
}
