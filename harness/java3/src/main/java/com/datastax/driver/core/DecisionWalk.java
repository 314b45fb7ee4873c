package com.datastax.driver.core;

import com.datastax.driver.core.exceptions.BusyPoolException;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.Uninterruptibles;
import java.io.IOException;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * One seeded random walk over a real pool: an operation, rest, a line, and again.
 *
 * <p>Where a stall of the machine makes a line ambiguous ({@link Boundaries}) the walk ends before
 * it.
 */
final class DecisionWalk {

  private static final int SHORT_TIMEOUT_MS = 1;
  private static final String QUERY = "SELECT key FROM system.local WHERE key='local'";

  private final WalkPlan plan;
  private final ProxyControl proxy;
  private final Writer trace;
  private final SplittableRandom random;
  private final ObservedPool.Clock clock = new ObservedPool.Clock();
  private final WalkCluster cluster;
  private final HostConnectionPool pool;
  private final ObservedPool observed;
  private final Boundaries boundaries;
  private final StringBuilder line = new StringBuilder();

  private final WalkRequests queued = new WalkRequests();
  private final WalkRequests inFlight = new WalkRequests();
  private final WalkRequests orphans = new WalkRequests();
  private final List<WalkRequest> grants = Collections.synchronizedList(new ArrayList<>());
  private final List<WalkRequest> all = Collections.synchronizedList(new ArrayList<>());
  private final Connection control;

  private volatile WalkRequest borrowing;
  private boolean shortly;
  private WalkRequest expiring;
  private volatile boolean over = false;
  private boolean held = false;
  private int target = 0;
  private long atMs;
  private int lines = 0;

  DecisionWalk(WalkPlan plan, InetSocketAddress listener, ProxyControl proxy, Writer trace) {
    this.plan = plan;
    this.proxy = proxy;
    this.trace = trace;
    random = new SplittableRandom(plan.seed);
    cluster = new WalkCluster(plan, listener, this::written);
    pool = cluster.pool;
    control = pool.manager.cluster.manager.controlConnection.connectionRef.get();
    int streams =
        plan.protocol < 3
            ? StreamIdGenerator.MAX_STREAM_PER_CONNECTION_V2
            : StreamIdGenerator.MAX_STREAM_PER_CONNECTION_V3;
    observed = new ObservedPool(pool, clock, streams);
    boundaries = new Boundaries(observed, clock, random);
  }

  /**
   * Do the walk.
   *
   * @return how many operations were written
   */
  int run() throws Exception {
    try {
      proxy.holdResponses(true);
      trace.write(plan.header() + "\n");
      cluster.settle(false);
      boolean clear = operate(Operation.INIT);
      while (clear && lines < plan.operations) {
        boundaries.passBackoff();
        clear = operate(choose());
      }
      return lines;
    } finally {
      over = true;
      proxy.holdConnects(false);
      proxy.holdResponses(false);
      cluster.close();
    }
  }

  private enum Operation {
    INIT,
    BORROW,
    RELEASE,
    EXPIRE,
    CLEANUP,
    TIMEOUT,
    LATE_RESPONSE,
    LOSE,
    HOLD_CONNECTS,
    CONNECT_FAILED
  }

  /** Do one operation and write its line; false where a stall made the line ambiguous. */
  private boolean operate(Operation operation) throws Exception {
    atMs = boundaries.begin();
    grants.clear();
    line.setLength(0);
    line.append("{\"op\":\"").append(operation.name().toLowerCase()).append('"');
    perform(operation);
    cluster.settle(held);
    if (Connections.isDead(control)) {
      throw new IOException("the control connection is gone");
    }
    if (boundaries.areStraddled()) {
      return false;
    }
    if (line.indexOf("\"clock_ms\"") < 0) {
      line.append(",\"at_ms\":").append(atMs);
    }
    takeGrants();
    takeFailures();
    line.append(",\"state\":");
    observed.describe(line, cluster.creating());
    line.append("}\n");
    trace.append(line);
    lines++;
    return true;
  }

  private void perform(Operation operation) throws Exception {
    switch (operation) {
      case INIT:
        return;
      case BORROW:
        borrow();
        return;
      case RELEASE:
        release();
        return;
      case EXPIRE:
        expire();
        return;
      case CLEANUP:
        cleanup();
        return;
      case TIMEOUT:
        timeout();
        return;
      case LATE_RESPONSE:
        lateResponse();
        return;
      case LOSE:
        lose();
        return;
      case HOLD_CONNECTS:
        hold();
        return;
      case CONNECT_FAILED:
        connectFailed();
        return;
      default:
        throw new IllegalStateException(operation.name());
    }
  }

  // Which operation ------------------------------------------------------------------------------

  private Operation choose() {
    if (expiring != null) {
      return Operation.EXPIRE;
    }
    if (random.nextInt(40) == 0) {
      int room = Math.min(plan.max * plan.maxRequests, plan.operations / 3);
      int queue = Math.min(plan.maxQueueSize, 12);
      double share = random.nextDouble();
      target = (int) (share * Math.sqrt(share) * (room + queue + 2));
    }
    int creating = cluster.creating();
    double[] weights = {
      plan.cleanups,
      creating > 0 ? 1 / plan.heldFor : held ? 1 / (2 * plan.heldFor) : plan.holds,
      held && creating > 0 ? plan.refusals : 0,
      pool.connections.isEmpty() && pool.trash.isEmpty() ? 0 : plan.losses,
      queued.isEmpty() ? 0 : plan.expiries,
      anySentInFlight() ? plan.timeouts : 0,
      orphans.isEmpty() ? 0 : plan.lateResponses,
    };
    Operation[] operations = {
      Operation.CLEANUP,
      Operation.HOLD_CONNECTS,
      Operation.CONNECT_FAILED,
      Operation.LOSE,
      Operation.EXPIRE,
      Operation.TIMEOUT,
      Operation.LATE_RESPONSE,
    };
    double total = 1;
    for (double weight : weights) {
      total += weight;
    }
    double drawn = random.nextDouble() * total;
    for (int k = 0; k < weights.length; k++) {
      drawn -= weights[k];
      if (drawn < 0) {
        return operations[k];
      }
    }
    boolean below = inFlight.size() + queued.size() < target;
    boolean borrow = inFlight.isEmpty() || random.nextDouble() < (below ? 0.85 : 0.15);
    return borrow ? Operation.BORROW : Operation.RELEASE;
  }

  private boolean anySentInFlight() {
    return plan.timeouts > 0 && plan.requests > 0 && inFlight.draw(random, r -> r.sent) != null;
  }

  // Operations -----------------------------------------------------------------------------------

  private void borrow() throws Exception {
    WalkRequest request =
        new WalkRequest(all.size(), random.nextDouble() < plan.requests && !mayPickDead());
    all.add(request);
    int pending = pool.pendingBorrowCount.get();
    line.append(",\"request\":").append(request.number);
    shortly = false;
    borrowing = request;
    if (request.sent) {
      Statement statement = new SimpleStatement(QUERY);
      statement.setReadTimeoutMillis(ManualTimer.REQUEST_ZERO + request.number);
      request.future = pool.manager.executeAsync(statement);
    } else {
      borrowAlone(request);
    }
    borrowing = null;
    if (request.connection != null) {
      line.append(",\"result\":\"granted\",\"connection\":");
      line.append(observed.id(request.connection));
      (request.inVain ? queued : inFlight).add(request);
    } else if (pool.pendingBorrowCount.get() > pending) {
      request.waiter = observed.lastWaiter();
      queued.add(request);
      line.append(",\"result\":\"queued\"");
      expiring = shortly ? request : null;
    } else {
      if (!request.future.isDone()) {
        throw new IllegalStateException("a borrow was not answered");
      }
      line.append(",\"result\":\"rejected\"");
      if (random.nextInt(4) == 0) {
        target = inFlight.size() / 2;
      }
    }
  }

  private void borrowAlone(WalkRequest request) {
    int timeoutMs = plan.poolTimeoutMs;
    if (random.nextInt(100) == 0) {
      // A pool without connections makes one, which would race with the timeout.
      timeoutMs = pool.connections.isEmpty() ? 0 : random.nextInt(2) * SHORT_TIMEOUT_MS;
      line.append(",\"timeout\":\"").append(timeoutMs).append("ms\"");
      shortly = timeoutMs == SHORT_TIMEOUT_MS;
    }
    ListenableFuture<Connection> future =
        pool.borrowConnection(timeoutMs, TimeUnit.MILLISECONDS, plan.maxQueueSize);
    request.future = future;
    if (future.isDone()) {
      take(request, granted(future));
    } else {
      future.addListener(
          () -> {
            take(request, granted(future));
            if (request.connection != null && !request.inVain) {
              grants.add(request);
            }
          },
          Runnable::run);
    }
  }

  /** Take a connection as the driver's own requests do: a dead one goes back at once. */
  private void take(WalkRequest request, Connection connection) {
    request.connection = connection;
    if (connection != null && Connections.isDead(connection)) {
      request.inVain = true;
      connection.release();
    }
  }

  private Connection granted(ListenableFuture<Connection> future) {
    try {
      return Uninterruptibles.getUninterruptibly(future);
    } catch (ExecutionException error) {
      if (over || error.getCause() instanceof BusyPoolException) {
        return null;
      }
      throw new IllegalStateException(error.getCause());
    }
  }

  /** The driver has written a request, now or when it was served from the queue. */
  private void written(int number, ManualTimer.Appointment timeout) {
    WalkRequest request = all.get(number);
    Connection.ResponseHandler handler =
        Reflected.outer(timeout.task(), Connection.ResponseHandler.class);
    request.timeout = timeout;
    request.stream = handler.streamId;
    request.connection = handler.connection;
    if (request != borrowing) {
      grants.add(request);
    }
  }

  /**
   * Whether the next borrow may get a connection that is dead. A session's request gives it back
   * and does not tell which one it was.
   */
  private boolean mayPickDead() {
    for (Connection connection : pool.connections) {
      if (Connections.isDead(connection)) {
        return true;
      }
    }
    return false;
  }

  private void takeGrants() {
    if (grants.isEmpty()) {
      return;
    }
    StringBuilder served = new StringBuilder();
    String separator = ",\"grants\":[";
    for (WalkRequest request : new ArrayList<>(grants)) {
      queued.remove(request);
      inFlight.add(request);
      served.append(separator).append('[').append(request.number).append(',');
      // New connections are named in the order of the pool's list.
      for (Connection connection : pool.connections) {
        observed.id(connection);
      }
      served.append(observed.id(request.connection)).append(']');
      separator = ",";
    }
    line.append(served).append(']');
  }

  /**
   * Requests that got a connection on which they could not be written, for want of a stream id or
   * because it is dead: the driver gave it back and would go on to its next host.
   */
  private void takeFailures() {
    List<WalkRequest> failed =
        queued.take(request -> request.inVain || request.sent && request.future.isDone());
    if (!failed.isEmpty()) {
      String numbers =
          failed.stream()
              .map(request -> request.number)
              .sorted()
              .map(String::valueOf)
              .collect(Collectors.joining(","));
      line.append(",\"failed\":[").append(numbers).append(']');
    }
  }

  private void release() {
    WalkRequest request = inFlight.draw(random);
    inFlight.remove(request);
    line.append(",\"request\":").append(request.number);
    if (request.sent) {
      respond(request);
      Patience.until(request.future::isDone, "a response");
      cluster.handshakes.barrier();
    } else {
      request.connection.release();
    }
  }

  private void respond(WalkRequest request) {
    proxy.releaseResponse(Connections.port(request.connection), request.stream);
  }

  private void expire() {
    WalkRequest request = expiring != null ? expiring : queued.draw(random);
    queued.remove(request);
    line.append(",\"request\":").append(request.number);
    if (expiring == null) {
      observed.expire(request.waiter);
    }
    expiring = null;
    Patience.until(request.future::isDone, "the timeout of a waiter");
    cluster.handshakes.barrier();
  }

  private void cleanup() {
    long now = clock.nowMs();
    if (random.nextInt(8) == 0) {
      now += TimeUnit.SECONDS.toMillis(plan.idleTimeoutS) + 100_000 + random.nextInt(1_000_000);
    }
    line.append(",\"at_ms\":").append(now).append(",\"clock_ms\":").append(atMs);
    try {
      pool.cleanupIdleConnections(clock.epochMs(now));
    } catch (ArithmeticException divisionByMaxRequests) {
      // A pool with max_requests 0: what the driver's own task would end with.
    }
    forgetOrphans();
  }

  private void timeout() throws Exception {
    WalkRequest request = inFlight.draw(random, r -> r.sent);
    inFlight.remove(request);
    orphans.add(request);
    line.append(",\"request\":").append(request.number);
    request.timeout.fire();
  }

  private void lateResponse() {
    WalkRequest request = orphans.draw(random);
    orphans.remove(request);
    line.append(",\"request\":").append(request.number);
    Connection connection = request.connection;
    int before = connection.maxAvailableStreams();
    respond(request);
    Patience.until(() -> connection.maxAvailableStreams() > before, "a late response");
    cluster.handshakes.barrier();
  }

  private void lose() {
    List<Connection> alive = new ArrayList<>();
    boolean either = !pool.connections.isEmpty() && !pool.trash.isEmpty();
    boolean fromTrash = either ? random.nextBoolean() : pool.connections.isEmpty();
    alive.addAll(fromTrash ? pool.trash : pool.connections);
    alive.removeIf(Connections::isDead);
    if (alive.isEmpty()) {
      // Nothing to lose: say so by an operation that is always possible.
      line.setLength(0);
      line.append("{\"op\":\"cleanup\"");
      cleanup();
      return;
    }
    Connection connection = alive.get(random.nextInt(alive.size()));
    line.append(",\"connection\":").append(observed.id(connection));
    proxy.cut(Connections.port(connection));
    // Only then: whoever asks a connection for its end before closes it himself.
    Patience.until(
        () -> connection.isDefunct() && connection.isClosed(), "the loss of a connection");
    Patience.until(() -> connection.closeAsync().isDone(), "the end of a lost connection");
    cluster.handshakes.barrier();
    Predicate<WalkRequest> onIt = request -> request.connection == connection;
    for (WalkRequest request : inFlight.take(onIt)) {
      // The driver gave back the session's requests; whoever else holds the connection does too.
      if (request.sent) {
        Patience.until(request.future::isDone, "the failure of a request");
      } else {
        connection.release();
      }
    }
    forgetOrphans();
  }

  private void forgetOrphans() {
    orphans.take(request -> Connections.isDead(request.connection));
  }

  private void hold() {
    held = !held;
    line.append(",\"value\":").append(held);
    proxy.holdConnects(held);
  }

  private void connectFailed() {
    cluster.awaitRefusal(proxy.refuseOldest());
  }
}
