package poolsim.runs;

import com.datastax.driver.core.RunReconnection;
import com.datastax.driver.core.ThreadingOptions;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RunnableScheduledFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The driver's executors, made as the driver makes them (ThreadingOptions of 3.11), which tell what
 * they do: cleanup ticks, reconnection attempts, and when a pool's lists may have changed.
 */
final class Threads extends ThreadingOptions {
  private static final int KEEP_ALIVE_S = 30;
  private static final long CLEANUP_PERIOD_S = 10;

  private final int blockingThreads;
  private final Watch watch;
  private final ReconnectionLog reconnections;
  private final Events events;
  private volatile long cleanupOrigin;
  private volatile ScheduledFuture<?> cleanup;

  Threads(int blockingThreads, Watch watch, ReconnectionLog reconnections, Events events) {
    this.blockingThreads = blockingThreads;
    this.watch = watch;
    this.reconnections = reconnections;
    this.events = events;
  }

  /** When the driver scheduled its cleanups: the first comes 10 s later. */
  long cleanupOrigin() {
    return cleanupOrigin;
  }

  /** When the next cleanup is due. */
  long nextCleanup() {
    return Clock.now() + cleanup.getDelay(TimeUnit.NANOSECONDS);
  }

  @Override
  public ExecutorService createBlockingExecutor(String clusterName) {
    ThreadFactory factory = createThreadFactory(clusterName, "blocking-task-worker");
    ThreadPoolExecutor executor = new Blocking(blockingThreads, factory, watch);
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }

  @Override
  public ScheduledExecutorService createReconnectionExecutor(String clusterName) {
    return new Reconnections(createThreadFactory(clusterName, "reconnection"));
  }

  @Override
  public ScheduledExecutorService createScheduledTasksExecutor(String clusterName) {
    return new ScheduledTasks(createThreadFactory(clusterName, "scheduled-task-worker"));
  }

  /** Makes connections: after each task a pool may have one more. */
  private static final class Blocking extends ThreadPoolExecutor {
    private final Watch watch;

    Blocking(int threads, ThreadFactory factory, Watch watch) {
      super(
          threads, threads, KEEP_ALIVE_S, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
      this.watch = watch;
    }

    @Override
    protected void afterExecute(Runnable task, Throwable thrown) {
      watch.look();
    }
  }

  /** Runs the cleanup of all pools, among other things. */
  private final class ScheduledTasks extends ScheduledThreadPoolExecutor {
    private long began;

    ScheduledTasks(ThreadFactory factory) {
      super(1, factory);
    }

    @Override
    public ScheduledFuture<?> scheduleWithFixedDelay(
        Runnable command, long initialDelay, long delay, TimeUnit unit) {
      if (unit.toSeconds(delay) != CLEANUP_PERIOD_S || unit.toSeconds(initialDelay) != delay) {
        return super.scheduleWithFixedDelay(command, initialDelay, delay, unit);
      }
      cleanupOrigin = Clock.now();
      cleanup = super.scheduleWithFixedDelay(command, initialDelay, delay, unit);
      return cleanup;
    }

    @Override
    protected void beforeExecute(Thread thread, Runnable task) {
      began = Clock.now();
    }

    @Override
    protected void afterExecute(Runnable task, Throwable thrown) {
      if (task == cleanup) {
        long took = (Clock.now() - began) / 1_000;
        watch.look();
        events.add(began, -1, "cleanup", "took_us=" + took);
      }
    }
  }

  private final class Reconnections extends ScheduledThreadPoolExecutor {
    private final Map<Object, Runnable> handlers = new ConcurrentHashMap<>();

    Reconnections(ThreadFactory factory) {
      super(2, factory);
    }

    @Override
    protected <V> RunnableScheduledFuture<V> decorateTask(
        Runnable runnable, RunnableScheduledFuture<V> task) {
      if (RunReconnection.is(runnable)) {
        handlers.put(task, runnable);
        reconnections.scheduled(runnable);
      }
      return task;
    }

    @Override
    protected void beforeExecute(Thread thread, Runnable task) {
      Runnable handler = handlers.get(task);
      if (handler != null && !((RunnableScheduledFuture<?>) task).isCancelled()) {
        reconnections.begins(handler);
      }
    }

    @Override
    protected void afterExecute(Runnable task, Throwable thrown) {
      Runnable handler = handlers.remove(task);
      if (handler != null) {
        reconnections.ends(handler);
        watch.look();
      }
    }
  }
}
