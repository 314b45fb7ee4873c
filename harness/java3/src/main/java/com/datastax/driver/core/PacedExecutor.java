package com.datastax.driver.core;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The driver's blocking executor, with its two threads and its queue, whose tasks begin one at a
 * time when the recorder lets them.
 *
 * <p>Two tasks that begin at once would race for the trash and for the waiters; which of them wins
 * is no rule of the pool, so a walk never lets them.
 */
final class PacedExecutor extends AbstractExecutorService {

  /** As many as the driver gives it (ThreadingOptions.createBlockingExecutor). */
  static final int THREADS = 2;

  private final ExecutorService threads;
  private final Queue<Runnable> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger active = new AtomicInteger();
  private volatile boolean paced = false;

  PacedExecutor(ThreadFactory factory) {
    threads = Executors.newFixedThreadPool(THREADS, factory);
  }

  /** From now on tasks wait for {@link #startNext}. */
  void pace() {
    paced = true;
  }

  /** From now on tasks begin as soon as a thread is free. */
  void unpace() {
    paced = false;
    while (startNext()) {}
  }

  /** Tasks that have begun and not ended. */
  int active() {
    return active.get();
  }

  /** Let the next task begin; false when none waits. */
  boolean startNext() {
    Runnable task = waiting.poll();
    if (task == null) {
      return false;
    }
    begin(task);
    return true;
  }

  private void begin(Runnable task) {
    active.incrementAndGet();
    threads.execute(
        () -> {
          try {
            task.run();
          } finally {
            active.decrementAndGet();
          }
        });
  }

  @Override
  public void execute(Runnable task) {
    if (paced) {
      waiting.add(task);
    } else {
      begin(task);
    }
  }

  @Override
  public void shutdown() {
    threads.shutdown();
  }

  @Override
  public List<Runnable> shutdownNow() {
    List<Runnable> left = new ArrayList<>(waiting);
    waiting.clear();
    left.addAll(threads.shutdownNow());
    return left;
  }

  @Override
  public boolean isShutdown() {
    return threads.isShutdown();
  }

  @Override
  public boolean isTerminated() {
    return threads.isTerminated();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return threads.awaitTermination(timeout, unit);
  }
}
