package poolsim.runs;

import com.datastax.driver.core.Cluster;
import com.datastax.driver.core.HostDistance;
import com.datastax.driver.core.NettyOptions;
import com.datastax.driver.core.PoolingOptions;
import com.datastax.driver.core.ProtocolVersion;
import com.datastax.driver.core.RunPool;
import com.datastax.driver.core.Session;
import com.datastax.driver.core.exceptions.DriverException;
import com.datastax.driver.core.policies.AddressTranslator;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;

/** The sessions of a run: the one that is recorded and the one that warms the code. */
final class Connected {
  private static final long POOLS_WITHIN_NS = 20_000_000_000L;

  final Session session;
  final Threads threads;
  final Watch watch;
  /** The core and maximum that the driver decided on. */
  final PoolingOptions pooling;

  private Connected(Session session, Threads threads, Watch watch) {
    this.session = session;
    this.threads = threads;
    this.watch = watch;
    pooling = session.getCluster().getConfiguration().getPoolingOptions();
  }

  static Connected connect(RunFile run, Hosts hosts, Events events) throws BadRun {
    Watch watch = new Watch(hosts, events);
    Purpose purpose = new Purpose();
    ReconnectionLog reconnections =
        new ReconnectionLog(run.options.reconnection(), hosts, events, purpose);
    Threads threads = new Threads(run.options.executorThreads, watch, reconnections, events);
    Cluster.Builder builder =
        builder(run, new Network(hosts, events, purpose))
            .withThreadingOptions(threads)
            .withReconnectionPolicy(reconnections)
            .withLoadBalancingPolicy(run.options.balancing())
            .withPoolingOptions(run.options.pooling())
            .withInitialListeners(List.of(new HostLog(hosts, events)));
    Session session = open(builder, run.options.keyspace, run, purpose);
    watch.of(session);
    Connected connected = new Connected(session, threads, watch);
    connected.awaitPools(run);
    watch.look();
    return connected;
  }

  /** A session of one small pool for each host, so that its requests also wait for one another. */
  static Session warmUp(RunFile run) throws BadRun {
    PoolingOptions pooling =
        new PoolingOptions()
            .setConnectionsPerHost(HostDistance.LOCAL, 1, 1)
            .setMaxRequestsPerConnection(HostDistance.LOCAL, 6);
    Cluster.Builder builder = builder(run, new Network.Brief()).withPoolingOptions(pooling);
    return open(builder, null, run, new Purpose());
  }

  private static Cluster.Builder builder(RunFile run, NettyOptions network) throws BadRun {
    Cluster.Builder builder =
        Cluster.builder()
            .withPort(run.port)
            .withProtocolVersion(ProtocolVersion.fromInt(run.protocol))
            .withAddressTranslator(new Translator(run))
            .withSocketOptions(run.options.sockets())
            .withQueryOptions(run.options.queries())
            .withRetryPolicy(run.options.retry())
            .withNettyOptions(network)
            // The driver's own measurements cost what the application that is modelled may not pay.
            .withoutJMXReporting();
    for (String address : run.contactPoints) {
      builder.addContactPoint(address);
    }
    return builder;
  }

  private static Session open(
      Cluster.Builder builder, String keyspace, RunFile run, Purpose purpose) throws BadRun {
    try {
      Cluster cluster = builder.build().init();
      purpose.initialized();
      return keyspace == null ? cluster.connect() : cluster.connect(keyspace);
    } catch (DriverException | IllegalArgumentException | IllegalStateException e) {
      String where = String.join(", ", run.contactPoints) + " port " + run.port;
      throw new BadRun("cannot connect to " + where + ": " + e);
    }
  }

  /** Whether the pools of the run's hosts may have more connections than their core ones. */
  boolean canResize() {
    return pooling.getMaxConnectionsPerHost(HostDistance.LOCAL)
        > pooling.getCoreConnectionsPerHost(HostDistance.LOCAL);
  }

  /** Waits until every host of the run has its core connections. */
  private void awaitPools(RunFile run) throws BadRun {
    int core = pooling.getCoreConnectionsPerHost(HostDistance.LOCAL);
    long deadline = Clock.now() + POOLS_WITHIN_NS;
    while (true) {
      List<String> missing = new ArrayList<>();
      RunPool[] pools = watch.pools();
      for (int i = 0; i < pools.length; i++) {
        if (pools[i] == null) {
          missing.add(run.hosts.get(i) + " (no pool)");
        } else if (pools[i].active() != core || pools[i].opened() != core) {
          missing.add(run.hosts.get(i) + " (" + pools[i].active() + " connections)");
        }
      }
      if (missing.isEmpty()) {
        return;
      }
      if (Clock.now() > deadline) {
        throw new BadRun(
            "not every host has its pool of "
                + core
                + " within 20 s: "
                + String.join(", ", missing)
                + "; is the node up, and in `translate`?");
      }
      Clock.sleepUntil(Clock.now() + 20_000_000);
    }
  }

  private static final class Translator implements AddressTranslator {
    private final RunFile run;

    Translator(RunFile run) {
      this.run = run;
    }

    @Override
    public void init(Cluster cluster) {}

    @Override
    public InetSocketAddress translate(InetSocketAddress address) {
      String to = run.translate.get(address.getAddress().getHostAddress());
      return to == null ? address : new InetSocketAddress(to, address.getPort());
    }

    @Override
    public void close() {}
  }
}
