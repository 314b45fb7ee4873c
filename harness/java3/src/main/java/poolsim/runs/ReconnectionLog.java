package poolsim.runs;

import com.datastax.driver.core.Cluster;
import com.datastax.driver.core.RunReconnection;
import com.datastax.driver.core.policies.ReconnectionPolicy;

/**
 * A reconnection policy that notes what the driver asks of it.
 *
 * <p>The driver asks a schedule for its next delay when a series of attempts begins and at the end
 * of each failed attempt. A schedule learns whose it is when the driver hands the series to its
 * executor; schedules of which that never happens pace a host's own connections.
 */
final class ReconnectionLog implements ReconnectionPolicy {
  private static final String HOST = "reconnection";
  private static final String CONTROL = "control_reconnection";

  private final ReconnectionPolicy inner;
  private final Hosts hosts;
  private final Events events;
  private final Purpose purpose;

  ReconnectionLog(ReconnectionPolicy inner, Hosts hosts, Events events, Purpose purpose) {
    this.inner = inner;
    this.hosts = hosts;
    this.events = events;
    this.purpose = purpose;
  }

  @Override
  public ReconnectionSchedule newSchedule() {
    return new Schedule(inner.newSchedule());
  }

  @Override
  public void init(Cluster cluster) {
    inner.init(cluster);
  }

  @Override
  public void close() {
    inner.close();
  }

  /** A series of attempts was handed to the executor, for its first attempt or the next. */
  void scheduled(Runnable task) {
    Schedule schedule = schedule(task);
    if (schedule == null || schedule.kind != null) {
      return;
    }
    String name = RunReconnection.name(task);
    schedule.host = hosts.indexOf(name);
    schedule.kind = name.startsWith("Control") ? CONTROL : HOST;
    // The delay counts from when it was asked for; one that was not asked for is none.
    boolean asked = schedule.delayMs >= 0;
    long at = asked ? schedule.askedAt : Clock.now();
    String detail = "delay_ms=" + (asked ? schedule.delayMs : 0);
    events.add(at, schedule.host, schedule.kind + "_scheduled", detail);
  }

  /** An attempt begins. */
  void begins(Runnable task) {
    Schedule schedule = schedule(task);
    if (schedule == null || RunReconnection.isCancelled(task)) {
      return;
    }
    if (schedule.kind.equals(HOST)) {
      purpose.reconnects();
    } else {
      purpose.controls();
    }
    schedule.attempts++;
    schedule.running = true;
    events.add(Clock.now(), schedule.host, schedule.kind + "_attempt", schedule.number());
  }

  /** An attempt that did not fail has ended; a successful one when its host is up. */
  void ends(Runnable task) {
    purpose.done();
    Schedule schedule = schedule(task);
    if (schedule == null || !schedule.running) {
      return;
    }
    schedule.running = false;
    events.add(Clock.now(), schedule.host, schedule.kind + "_succeeded", schedule.number());
  }

  private static Schedule schedule(Runnable task) {
    Object schedule = RunReconnection.schedule(task);
    return schedule instanceof Schedule ? (Schedule) schedule : null;
  }

  private final class Schedule implements ReconnectionSchedule {
    private final ReconnectionSchedule inner;
    private volatile String kind;
    private volatile int host = -1;
    private volatile long askedAt;
    private volatile long delayMs = -1;
    private volatile int attempts;
    private volatile boolean running;

    Schedule(ReconnectionSchedule inner) {
      this.inner = inner;
    }

    @Override
    public long nextDelayMs() {
      askedAt = Clock.now();
      delayMs = inner.nextDelayMs();
      if (running) {
        running = false;
        events.add(askedAt, host, kind + "_failed", number() + ";delay_ms=" + delayMs);
      }
      return delayMs;
    }

    private String number() {
      return "attempt=" + attempts;
    }
  }
}
