package poolsim.runs;

import com.datastax.driver.core.HostDistance;
import com.datastax.driver.core.Session;

/**
 * Runs the code that a run runs until it is compiled, without touching the recorded session's pools.
 *
 * <p>The load goes through a session of its own, which is closed before the run begins. Its requests
 * carry another payload than recorded ones, so that the harness's proxy does not pace them.
 */
final class WarmUp {
  private static final String PAYLOAD = "warm-up";
  private static final long GAP_NS = 400_000;
  private static final int WINDOW = 24;
  private static final int ONE_BY_ONE = 30;

  private WarmUp() {}

  static void run(RunFile run, Hosts hosts) throws BadRun {
    if (run.warmUpNs <= 0) {
      return;
    }
    Session session = Connected.warmUp(run);
    try {
      String payload = run.protocol >= 4 ? PAYLOAD : null;
      long half = run.warmUpNs / 2;
      Load closed = new ClosedLoop(new long[] {0}, new int[] {WINDOW}, GAP_NS, GAP_NS);
      load(closed, new Issuer(session, run.query, payload, new Requests(hosts, 0)), half);
      long[] times = new long[(int) Math.min(1_000_000, half / GAP_NS)];
      for (int i = 0; i < times.length; i++) {
        times[i] = i * GAP_NS;
      }
      Load open = new OpenLoop(times, 0);
      load(open, new Issuer(session, run.query, payload, new Requests(hosts, 0)), half);
    } finally {
      session.getCluster().close();
    }
  }

  /**
   * Some requests through the recorded session, one at a time, where that cannot make its pools
   * grow: its connections' first use is not the run's.
   */
  static void first(RunFile run, Connected connected) {
    int core = connected.pooling.getCoreConnectionsPerHost(HostDistance.LOCAL);
    int most = connected.pooling.getMaxRequestsPerConnection(HostDistance.LOCAL);
    int threshold = connected.pooling.getNewConnectionThreshold(HostDistance.LOCAL);
    if (core < 1 || most < 1 || 1 > (long) (core - 1) * most + threshold) {
      return;
    }
    for (int i = 0; i < ONE_BY_ONE; i++) {
      connected.session.execute(run.query);
    }
  }

  private static void load(Load load, Issuer issuer, long duration) {
    long start = Clock.now();
    load.run(issuer, start, start + duration);
  }
}
