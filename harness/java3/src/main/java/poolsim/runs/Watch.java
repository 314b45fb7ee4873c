package poolsim.runs;

import com.datastax.driver.core.Host;
import com.datastax.driver.core.RunPool;
import com.datastax.driver.core.Session;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Finds what happened to the pools' connections by comparing the pools' lists with how they were.
 *
 * <p>Called with every sample of the timeline, and right after each task of the driver that may
 * change a list: then the event's time is that of the change.
 */
final class Watch {
  private final Hosts hosts;
  private final Events events;
  private final List<Map<Object, Known>> known = new ArrayList<>();
  private final int[] ids;
  private volatile Session session;

  Watch(Hosts hosts, Events events) {
    this.hosts = hosts;
    this.events = events;
    ids = new int[hosts.count()];
    for (int i = 0; i < hosts.count(); i++) {
      known.add(new IdentityHashMap<>());
    }
  }

  void of(Session session) {
    this.session = session;
  }

  /** The pools by host number; null where a host has none. */
  RunPool[] pools() {
    RunPool[] pools = new RunPool[hosts.count()];
    Session current = session;
    if (current != null) {
      for (Host host : current.getCluster().getMetadata().getAllHosts()) {
        int index = hosts.indexOf(host);
        if (index >= 0) {
          pools[index] = RunPool.of(current, host);
        }
      }
    }
    return pools;
  }

  void look() {
    if (session != null) {
      look(pools());
    }
  }

  synchronized void look(RunPool[] pools) {
    long now = Clock.now();
    for (int host = 0; host < pools.length; host++) {
      look(host, pools[host], now);
    }
  }

  private void look(int host, RunPool pool, long now) {
    Map<Object, Known> before = known.get(host);
    List<Object> active = new ArrayList<>();
    List<Object> trashed = new ArrayList<>();
    if (pool != null) {
      // A connection on its way between the lists may be seen in both, when it is trashed, or in
      // neither: then it is as it was, unless it is gone.
      pool.addActive(active);
      pool.addTrashed(trashed);
    }
    for (Known one : before.values()) {
      one.seen = false;
    }
    for (Object connection : trashed) {
      Known one = before.get(connection);
      if (one == null) {
        one = opened(before, host, connection, now);
      }
      one.seen = true;
      if (!one.trashed) {
        one.trashed = true;
        String how = RunPool.isReplaced(connection) ? ";replaced=1" : "";
        events.add(now, host, "trashed", one.detail + how);
      }
    }
    for (Object connection : active) {
      Known one = before.get(connection);
      if (one == null) {
        one = opened(before, host, connection, now);
      }
      boolean inBoth = one.seen;
      one.seen = true;
      if (one.trashed && !inBoth) {
        one.trashed = false;
        events.add(now, host, "resurrected", one.detail);
      }
    }
    for (Iterator<Map.Entry<Object, Known>> all = before.entrySet().iterator(); all.hasNext(); ) {
      Map.Entry<Object, Known> entry = all.next();
      if (!entry.getValue().seen && (pool == null || RunPool.isGone(entry.getKey()))) {
        String how = RunPool.isBroken(entry.getKey()) ? ";broken=1" : "";
        events.add(now, host, "closed", entry.getValue().detail + how);
        all.remove();
      }
    }
  }

  private Known opened(Map<Object, Known> before, int host, Object connection, long now) {
    String detail = "connection=" + ids[host]++ + ";port=" + RunPool.localPort(connection);
    Known one = new Known(detail);
    before.put(connection, one);
    events.add(now, host, "opened", detail);
    return one;
  }

  private static final class Known {
    final String detail;
    boolean trashed;
    boolean seen;

    Known(String detail) {
      this.detail = detail;
    }
  }
}
