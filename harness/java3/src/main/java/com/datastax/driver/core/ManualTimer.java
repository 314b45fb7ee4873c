package com.datastax.driver.core;

import io.netty.util.Timeout;
import io.netty.util.Timer;
import io.netty.util.TimerTask;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;

/**
 * The driver's timer, which fires only what it is told to fire: a read timeout becomes an operation
 * of a walk, and the driver's own task for it is what runs.
 *
 * <p>A request of a walk is known by its read timeout: {@link #REQUEST_ZERO} milliseconds and its
 * number.
 */
final class ManualTimer implements Timer {

  /** Read timeout of request 0 in milliseconds; nothing else in the driver waits as long. */
  static final int REQUEST_ZERO = 1_000_000_000;

  /** Told of every request that was written: its number, and the timeout that waits for it. */
  private final BiConsumer<Integer, Appointment> written;

  ManualTimer(BiConsumer<Integer, Appointment> written) {
    this.written = written;
  }

  @Override
  public Timeout newTimeout(TimerTask task, long delay, TimeUnit unit) {
    Appointment appointment = new Appointment(task);
    long milliseconds = unit.toMillis(delay);
    if (milliseconds >= REQUEST_ZERO) {
      written.accept((int) (milliseconds - REQUEST_ZERO), appointment);
    }
    return appointment;
  }

  @Override
  public Set<Timeout> stop() {
    return Collections.emptySet();
  }

  /** One timeout. */
  final class Appointment implements Timeout {
    private static final int WAITING = 0;
    private static final int FIRED = 1;
    private static final int CANCELLED = 2;

    private final TimerTask task;
    private final AtomicInteger state = new AtomicInteger(WAITING);

    private Appointment(TimerTask task) {
      this.task = task;
    }

    /** Run the driver's task now, unless the driver cancelled it. */
    void fire() throws Exception {
      if (!state.compareAndSet(WAITING, FIRED)) {
        throw new IllegalStateException("the timeout was cancelled or has fired");
      }
      task.run(this);
    }

    @Override
    public Timer timer() {
      return ManualTimer.this;
    }

    @Override
    public TimerTask task() {
      return task;
    }

    @Override
    public boolean isExpired() {
      return state.get() == FIRED;
    }

    @Override
    public boolean isCancelled() {
      return state.get() == CANCELLED;
    }

    @Override
    public boolean cancel() {
      return state.compareAndSet(WAITING, CANCELLED);
    }
  }
}
