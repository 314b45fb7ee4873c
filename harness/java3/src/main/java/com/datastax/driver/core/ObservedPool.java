package com.datastax.driver.core;

import io.netty.util.concurrent.EventExecutor;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Reads a pool and its host's conviction policy, and writes them down. */
final class ObservedPool {

  final HostConnectionPool pool;
  private final Clock clock;
  private final AtomicInteger scheduled;
  private final AtomicInteger peak;
  private final Queue<?> waiters;
  private final int streams;
  private final Map<Connection, Integer> ids = new HashMap<>();

  ObservedPool(HostConnectionPool pool, Clock clock, int streams) {
    this.pool = pool;
    this.clock = clock;
    this.streams = streams;
    scheduled = Reflected.field(pool, "scheduledForCreation", AtomicInteger.class);
    peak = Reflected.field(pool, "maxTotalInFlight", AtomicInteger.class);
    waiters = Reflected.field(pool, "pendingBorrows", Queue.class);
  }

  int id(Connection connection) {
    return ids.computeIfAbsent(connection, unused -> ids.size());
  }

  int scheduled() {
    return scheduled.get();
  }

  /** The waiter that came last. */
  Object lastWaiter() {
    Object last = null;
    for (Object waiter : waiters) {
      last = waiter;
    }
    return last;
  }

  /** Run a waiter's timeout now: the task that the driver gave to its timer, where it runs it. */
  void expire(Object waiter) {
    Future<?> timeout = Reflected.field(waiter, "timeoutTask", Future.class);
    Object task = Reflected.field(timeout, "task", Object.class);
    EventExecutor executor = Reflected.field(pool, "timeoutsExecutor", EventExecutor.class);
    io.netty.util.concurrent.Future<?> done;
    if (task instanceof Runnable) {
      done = executor.submit((Runnable) task);
    } else {
      done = executor.submit((Callable<?>) task);
    }
    Patience.until(done::isDone, "the timeout of a waiter");
  }

  /** The time before which the driver makes no connection, in ms of the clock; null when unset. */
  Long backoffUntilMs() {
    long until = Reflected.number(pool.host.convictionPolicy, "nextReconnectionTime");
    return until == Long.MIN_VALUE ? null : clock.millisecondsOfNano(until);
  }

  private long backoffDelayMs() {
    return Reflected.field(
            pool.host.convictionPolicy, "reconnectionSchedule", KnownDelays.Schedule.class)
        .lastMs();
  }

  /** Idle deadline of a trashed connection in ms of the clock; what was replaced has none. */
  long deadlineMs(Connection connection) {
    long deadline = connection.maxIdleTime;
    return deadline == Long.MIN_VALUE ? deadline : clock.millisecondsOfEpoch(deadline);
  }

  /** Append the state as decision traces have it. */
  void describe(StringBuilder line, int creating) {
    int orphans = orphans(pool.connections) + orphans(pool.trash);
    line.append("{\"open\":").append(pool.opened());
    line.append(",\"creating\":").append(creating);
    line.append(",\"scheduled\":").append(scheduled.get());
    line.append(",\"trashed\":").append(pool.trashed());
    line.append(",\"in_flight\":").append(pool.totalInFlight.get());
    line.append(",\"pending\":").append(pool.pendingBorrowCount.get());
    line.append(",\"peak\":").append(peak.get());
    line.append(",\"orphans\":").append(orphans);
    Long until = backoffUntilMs();
    if (until != null) {
      line.append(",\"backoff\":[").append(until).append(',').append(backoffDelayMs()).append(']');
    } else {
      line.append(",\"backoff\":null");
    }
    line.append(",\"connections\":[");
    String separator = "";
    for (Connection connection : pool.connections) {
      line.append(separator).append('[').append(id(connection)).append(',');
      line.append(connection.inFlight.get()).append(']');
      separator = ",";
    }
    line.append("],\"trash\":[");
    separator = "";
    for (Connection connection : pool.trash) {
      line.append(separator).append('[').append(id(connection)).append(',');
      line.append(connection.inFlight.get()).append(',');
      line.append(deadlineMs(connection) == Long.MIN_VALUE ? "null" : deadlineMs(connection) + "");
      line.append(']');
      separator = ",";
    }
    line.append("]}");
  }

  private int orphans(Collection<Connection> connections) {
    int orphans = 0;
    for (Connection connection : connections) {
      if (!Connections.isDead(connection)) {
        orphans += streams - connection.maxAvailableStreams();
      }
    }
    return orphans;
  }

  /** The recorder's clock: milliseconds from its start, for both of the clocks the driver reads. */
  static final class Clock {
    private final long startNano = System.nanoTime();
    private final long startEpochMs = System.currentTimeMillis();

    long nowMs() {
      return millisecondsOfNano(System.nanoTime());
    }

    long millisecondsOfNano(long nano) {
      return Math.floorDiv(nano - startNano, TimeUnit.MILLISECONDS.toNanos(1));
    }

    long millisecondsOfEpoch(long epochMs) {
      return epochMs - startEpochMs;
    }

    long epochMs(long milliseconds) {
      return milliseconds + startEpochMs;
    }
  }
}
