package com.datastax.driver.core;

import java.util.function.BooleanSupplier;

/** Waits without sleeping, and not for ever. */
final class Patience {

  private static final long LIMIT_NS = 20_000_000_000L;
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
      Thread.yield();
      if (System.nanoTime() - start > LIMIT_NS) {
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
