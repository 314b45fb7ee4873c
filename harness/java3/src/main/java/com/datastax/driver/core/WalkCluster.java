package com.datastax.driver.core;

import java.io.Closeable;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RunnableScheduledFuture;
import java.util.function.BiConsumer;

/** The driver of one walk: a cluster, its session, and one host's pool. */
final class WalkCluster implements Closeable {

  final Handshakes handshakes;
  final Session session;
  final HostConnectionPool pool;
  private final Cluster cluster;
  private PacedExecutor executor;

  WalkCluster(
      WalkPlan plan,
      InetSocketAddress listener,
      BiConsumer<Integer, ManualTimer.Appointment> written) {
    handshakes = new Handshakes(new ManualTimer(written));
    OneHost policy = new OneHost(listener.getAddress(), plan.distance);
    ThreadingOptions threading =
        new ThreadingOptions() {
          @Override
          public ExecutorService createBlockingExecutor(String clusterName) {
            executor = new PacedExecutor(createThreadFactory(clusterName, "blocking-task-worker"));
            return executor;
          }
        };
    cluster =
        Cluster.builder()
            .addContactPointsWithPorts(listener)
            .withPort(listener.getPort())
            .withProtocolVersion(ProtocolVersion.fromInt(plan.protocol))
            .withLoadBalancingPolicy(policy)
            .withReconnectionPolicy(
                new KnownDelays(plan.reconnectionBaseMs, plan.reconnectionMaxMs))
            .withPoolingOptions(options(plan))
            .withNettyOptions(handshakes)
            .withThreadingOptions(threading)
            .withoutJMXReporting()
            .withoutMetrics()
            .build();
    try {
      session = cluster.connect();
      pool = ((SessionManager) session).pools.get(policy.host());
      cancelCleanups();
      handshakes.gate();
      executor.pace();
    } catch (RuntimeException error) {
      cluster.close();
      throw error;
    }
  }

  private static PoolingOptions options(WalkPlan plan) {
    return new PoolingOptions()
        .setConnectionsPerHost(plan.distance, plan.core, plan.max)
        .setMaxRequestsPerConnection(plan.distance, plan.maxRequests)
        .setNewConnectionThreshold(plan.distance, plan.threshold)
        .setMaxQueueSize(plan.maxQueueSize)
        .setPoolTimeoutMillis(plan.poolTimeoutMs)
        .setIdleTimeoutSeconds(plan.idleTimeoutS)
        .setHeartbeatIntervalSeconds(0);
  }

  /** The walk says when a cleanup runs: cancel the driver's own, its only periodic task there. */
  private void cancelCleanups() {
    int cancelled = 0;
    for (Runnable task : cluster.manager.scheduledTasksExecutorQueue) {
      if (task instanceof RunnableScheduledFuture
          && ((RunnableScheduledFuture<?>) task).isPeriodic()) {
        ((RunnableScheduledFuture<?>) task).cancel(false);
        cancelled++;
      }
    }
    if (cancelled != 1) {
      throw new IllegalStateException("expected one periodic task, found " + cancelled);
    }
  }

  /** Handshakes of connections that are being created. */
  int creating() {
    return handshakes.count();
  }

  /**
   * Let the pool do all that it has to do, one thing after another, until nothing is left but
   * handshakes that the proxy holds.
   */
  void settle(boolean held) {
    while (true) {
      Patience.until(() -> isResting(held), "the creation of connections");
      if (executor.active() < PacedExecutor.THREADS && executor.startNext()) {
        continue;
      }
      if (held || executor.active() == 0) {
        return;
      }
      int active = executor.active();
      handshakes.permitOldest();
      Patience.until(() -> executor.active() < active, "the end of a handshake");
    }
  }

  /** Whether every task that has begun waits for its handshake. */
  private boolean isResting(boolean held) {
    int active = executor.active();
    return handshakes.resting(held) == active && handshakes.count() == active;
  }

  /** Wait until the handshake from this local port has failed and its task has ended. */
  void awaitRefusal(int port) {
    Patience.until(() -> !handshakes.isUnderWay(port), "a refused handshake");
    Patience.until(() -> executor.active() == handshakes.count(), "a task whose handshake failed");
  }

  @Override
  public void close() {
    executor.unpace();
    handshakes.ungate();
    cluster.close();
  }
}
