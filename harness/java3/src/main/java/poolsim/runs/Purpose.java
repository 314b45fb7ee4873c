package poolsim.runs;

/**
 * What the calling thread makes a connection for: `control` for the cluster's control connection,
 * `start` for those that a pool begins with, `growth` for later ones of a pool, `reconnection` for
 * the one that finds out whether a host is back.
 */
final class Purpose {
  private final ThreadLocal<String> underWay = new ThreadLocal<>();
  private volatile boolean initialized;

  /** The purpose of the connection that the calling thread is about to make. */
  String next() {
    String own = underWay.get();
    if ("reconnection".equals(own)) {
      // Further ones of the same task fill the pool of the host that is back.
      underWay.set("start");
    }
    if (own != null) {
      return own;
    }
    if (Thread.currentThread().getName().contains("-blocking-task-worker-")) {
      return "growth";
    }
    return initialized ? "start" : "control";
  }

  /** The cluster's first control connection is there. */
  void initialized() {
    initialized = true;
  }

  /** The calling thread begins an attempt to reconnect to a host. */
  void reconnects() {
    underWay.set("reconnection");
  }

  /** The calling thread begins an attempt to find another control connection. */
  void controls() {
    underWay.set("control");
  }

  /** The attempt is over. */
  void done() {
    underWay.remove();
  }
}
