package com.datastax.driver.core;

import com.datastax.driver.core.policies.ExponentialReconnectionPolicy;
import com.datastax.driver.core.policies.ReconnectionPolicy;

/** The driver's exponential reconnection policy, which remembers the last delay that it gave. */
final class KnownDelays implements ReconnectionPolicy {

  private final ExponentialReconnectionPolicy policy;

  KnownDelays(long baseMs, long maxMs) {
    policy = new ExponentialReconnectionPolicy(baseMs, maxMs);
  }

  @Override
  public ReconnectionSchedule newSchedule() {
    return new Schedule(policy.newSchedule());
  }

  @Override
  public void init(Cluster cluster) {
    policy.init(cluster);
  }

  @Override
  public void close() {
    policy.close();
  }

  /** One schedule. */
  static final class Schedule implements ReconnectionSchedule {
    private final ReconnectionSchedule schedule;
    private volatile long lastMs;

    private Schedule(ReconnectionSchedule schedule) {
      this.schedule = schedule;
    }

    @Override
    public long nextDelayMs() {
      lastMs = schedule.nextDelayMs();
      return lastMs;
    }

    /** The last delay in milliseconds. */
    long lastMs() {
      return lastMs;
    }
  }
}
