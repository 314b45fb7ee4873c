package poolsim.runs;

import com.datastax.driver.core.HostDistance;
import com.datastax.driver.core.PoolingOptions;
import com.datastax.driver.core.ProtocolVersion;
import com.datastax.driver.core.QueryOptions;
import com.datastax.driver.core.RunOptions;
import com.datastax.driver.core.SocketOptions;
import com.datastax.driver.core.policies.ConstantReconnectionPolicy;
import com.datastax.driver.core.policies.DCAwareRoundRobinPolicy;
import com.datastax.driver.core.policies.DefaultRetryPolicy;
import com.datastax.driver.core.policies.ExponentialReconnectionPolicy;
import com.datastax.driver.core.policies.FallthroughRetryPolicy;
import com.datastax.driver.core.policies.LoadBalancingPolicy;
import com.datastax.driver.core.policies.Policies;
import com.datastax.driver.core.policies.ReconnectionPolicy;
import com.datastax.driver.core.policies.RetryPolicy;
import com.datastax.driver.core.policies.RoundRobinPolicy;
import com.datastax.driver.core.policies.TokenAwarePolicy;

/** The driver's options by the harness's names; a key that is missing keeps the driver's default. */
final class Options {
  private static final String[] KEYS = {
    "core", "max", "max_requests", "new_connection_threshold", "max_queue_size",
    "pool_timeout_ms", "idle_timeout_s", "heartbeat_interval_s", "connect_timeout_ms",
    "read_timeout_ms", "reconnection", "balancing", "retry", "idempotent", "executor_threads",
    "keyspace", "tcp_nodelay"
  };
  private static final int BLOCKING_THREADS = 2;
  private static final int UNKNOWN = -1;

  private final Entry entry;
  final String keyspace;
  final int executorThreads;

  Options(Entry entry) throws BadRun {
    this.entry = entry.only(KEYS);
    keyspace = entry.text("keyspace", null);
    executorThreads = entry.count("executor_threads", BLOCKING_THREADS);
    // What cannot be made is found before anything is connected.
    sockets();
    reconnection();
    balancing();
    retry();
    queries();
  }

  PoolingOptions pooling() throws BadRun {
    PoolingOptions pooling = new PoolingOptions();
    setPooling(entry, pooling, UNKNOWN, UNKNOWN);
    return pooling;
  }

  /**
   * Sets what an entry has. Core and maximum go together: set one by one, the driver may refuse the
   * first because of the second's old value.
   *
   * @param core the core size now, -1 when the driver does not know it yet
   * @param max the same of the maximum
   */
  static void setPooling(Entry entry, PoolingOptions pooling, int core, int max) throws BadRun {
    HostDistance local = HostDistance.LOCAL;
    try {
      int newCore = entry.count("core", core);
      int newMax = entry.count("max", max);
      if (newCore >= 0 && newMax >= 0) {
        pooling.setConnectionsPerHost(local, newCore, newMax);
      } else if (entry.has("core")) {
        pooling.setCoreConnectionsPerHost(local, newCore);
      } else if (entry.has("max")) {
        pooling.setMaxConnectionsPerHost(local, newMax);
      }
      if (entry.has("max_requests")) {
        pooling.setMaxRequestsPerConnection(local, entry.count("max_requests"));
      }
      if (entry.has("new_connection_threshold")) {
        pooling.setNewConnectionThreshold(local, entry.count("new_connection_threshold"));
      }
      if (entry.has("max_queue_size")) {
        pooling.setMaxQueueSize(entry.count("max_queue_size"));
      }
      if (entry.has("pool_timeout_ms")) {
        pooling.setPoolTimeoutMillis(entry.count("pool_timeout_ms"));
      }
      if (entry.has("idle_timeout_s")) {
        pooling.setIdleTimeoutSeconds(entry.count("idle_timeout_s"));
      }
      if (entry.has("heartbeat_interval_s")) {
        pooling.setHeartbeatIntervalSeconds(entry.count("heartbeat_interval_s"));
      }
    } catch (IllegalArgumentException e) {
      throw new BadRun("options: the driver refuses: " + e.getMessage());
    }
  }

  /** The options as the driver completes them for a protocol version. */
  PoolingOptions resolved(int protocol) throws BadRun {
    try {
      return RunOptions.resolve(pooling(), ProtocolVersion.fromInt(protocol));
    } catch (IllegalArgumentException e) {
      throw new BadRun("options: the driver refuses: " + e.getMessage());
    }
  }

  SocketOptions sockets() throws BadRun {
    SocketOptions sockets = new SocketOptions();
    if (entry.has("connect_timeout_ms")) {
      sockets.setConnectTimeoutMillis(entry.count("connect_timeout_ms"));
    }
    if (entry.has("read_timeout_ms")) {
      sockets.setReadTimeoutMillis(entry.count("read_timeout_ms"));
    }
    sockets.setTcpNoDelay(entry.flag("tcp_nodelay", true));
    return sockets;
  }

  QueryOptions queries() throws BadRun {
    QueryOptions queries = new QueryOptions();
    if (entry.has("idempotent")) {
      queries.setDefaultIdempotence(entry.flag("idempotent", false));
    }
    return queries;
  }

  ReconnectionPolicy reconnection() throws BadRun {
    if (!entry.has("reconnection")) {
      return Policies.defaultReconnectionPolicy();
    }
    Entry own = entry.entry("reconnection").only("kind", "base_ms", "max_ms");
    try {
      switch (own.text("kind")) {
        case "exponential":
          return new ExponentialReconnectionPolicy(
              own.whole("base_ms", 1_000), own.whole("max_ms", 600_000));
        case "constant":
          return new ConstantReconnectionPolicy(own.whole("base_ms"));
        default:
          throw own.wrong("kind", "exponential or constant");
      }
    } catch (IllegalArgumentException e) {
      throw new BadRun("options.reconnection: the driver refuses: " + e.getMessage());
    }
  }

  RetryPolicy retry() throws BadRun {
    switch (entry.text("retry", "default")) {
      case "default":
        return DefaultRetryPolicy.INSTANCE;
      case "fallthrough":
        return FallthroughRetryPolicy.INSTANCE;
      default:
        throw entry.wrong("retry", "default or fallthrough");
    }
  }

  LoadBalancingPolicy balancing() throws BadRun {
    Entry own =
        entry
            .entry("balancing")
            .only("policy", "token_aware", "shuffle_replicas", "used_hosts_per_remote_dc",
                "local_dc");
    LoadBalancingPolicy policy;
    switch (own.text("policy", "dc_aware_round_robin")) {
      case "dc_aware_round_robin":
        policy = dcAware(own);
        break;
      case "round_robin":
        policy = new RoundRobinPolicy();
        break;
      default:
        throw own.wrong("policy", "dc_aware_round_robin or round_robin");
    }
    if (!own.flag("token_aware", true)) {
      return policy;
    }
    return new TokenAwarePolicy(
        policy,
        own.flag("shuffle_replicas", true)
            ? TokenAwarePolicy.ReplicaOrdering.RANDOM
            : TokenAwarePolicy.ReplicaOrdering.TOPOLOGICAL);
  }

  private static LoadBalancingPolicy dcAware(Entry own) throws BadRun {
    DCAwareRoundRobinPolicy.Builder builder = DCAwareRoundRobinPolicy.builder();
    if (own.has("local_dc")) {
      builder.withLocalDc(own.text("local_dc"));
    }
    int remote = own.count("used_hosts_per_remote_dc", 0);
    if (remote < 0) {
      throw own.wrong("used_hosts_per_remote_dc", "0 or more");
    }
    // The driver warns of this option even where it is set to its default.
    return (remote == 0 ? builder : remoteHosts(builder, remote)).build();
  }

  @SuppressWarnings("deprecation")
  private static DCAwareRoundRobinPolicy.Builder remoteHosts(
      DCAwareRoundRobinPolicy.Builder builder, int hosts) {
    return builder.withUsedHostsPerRemoteDc(hosts);
  }
}
