package poolsim.runs;

import com.datastax.driver.core.Statement;

/** Requests at given times, whatever becomes of them. Never earlier; later when a call took long. */
final class OpenLoop implements Load {
  private final long[] intended;
  private final long gap;

  /**
   * @param intended nanoseconds from the start, rising
   * @param gap shortest time between two starts, in nanoseconds
   */
  OpenLoop(long[] intended, long gap) {
    this.intended = intended;
    this.gap = gap;
  }

  @Override
  public void run(Issuer issuer, long start, long end) {
    long free = start;
    for (long offset : intended) {
      long due = start + offset;
      if (due >= end) {
        return;
      }
      Statement statement = issuer.prepare();
      Clock.awaitInstant(Math.max(due, free));
      free = issuer.issue(statement, due) + gap;
    }
  }

  @Override
  public long expected(long durationNs) {
    return intended.length;
  }
}
