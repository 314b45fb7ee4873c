package com.datastax.driver.core;

import java.lang.reflect.Field;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The pool of one host as a run's recorder sees it: read only, from beside the driver's own classes.
 *
 * <p>What the driver counts and what is in its lists differ while a connection is being made: {@link
 * #opened} includes it, {@link #active} does not.
 */
public final class RunPool {
  private static final Field SCHEDULED = scheduledForCreation();

  private final HostConnectionPool pool;

  private RunPool(HostConnectionPool pool) {
    this.pool = pool;
  }

  /** The pool that a session has for a host now, or null. */
  public static RunPool of(Session session, Host host) {
    HostConnectionPool pool = ((SessionManager) session).pools.get(host);
    return pool == null ? null : new RunPool(pool);
  }

  /** Connections whose handshake is done and which may be picked. */
  public int active() {
    return pool.connections.size();
  }

  /** The driver's own count: active connections and those that it is making. */
  public int opened() {
    return pool.opened();
  }

  public int trashed() {
    return pool.trashed();
  }

  /** Requests on all connections of the pool, trashed ones included. */
  public int inFlight() {
    return pool.totalInFlight.get();
  }

  /** Places taken in the acquisition queue, expired entries included. */
  public int pending() {
    return pool.pendingBorrowCount.get();
  }

  /** Connections that the pool has asked for and that are not made yet. */
  public int creating() {
    try {
      return ((AtomicInteger) SCHEDULED.get(pool)).get();
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Appends the active connections, in the driver's order. */
  public void addActive(List<Object> connections) {
    connections.addAll(pool.connections);
  }

  /** Appends the trashed connections. */
  public void addTrashed(List<Object> connections) {
    for (Iterator<Connection> all = pool.trash.iterator(); all.hasNext(); ) {
      connections.add(all.next());
    }
  }

  /**
   * Whether a connection that is in none of the pool's lists is gone. A connection that is being
   * resurrected is in none either, for an instant.
   */
  public static boolean isGone(Object connection) {
    Connection one = (Connection) connection;
    return one.isClosed() || one.isDefunct();
  }

  /** Whether a trashed connection ran out of stream ids, and will not be resurrected. */
  public static boolean isReplaced(Object connection) {
    return ((Connection) connection).maxIdleTime == Long.MIN_VALUE;
  }

  /** Whether the connection broke, and was not closed in good order. */
  public static boolean isBroken(Object connection) {
    return ((Connection) connection).isDefunct();
  }

  /** The local port of a connection, -1 when it has none. */
  public static int localPort(Object connection) {
    io.netty.channel.Channel channel = ((Connection) connection).channel;
    SocketAddress address = channel == null ? null : channel.localAddress();
    return address instanceof InetSocketAddress ? ((InetSocketAddress) address).getPort() : -1;
  }

  private static Field scheduledForCreation() {
    try {
      Field field = HostConnectionPool.class.getDeclaredField("scheduledForCreation");
      field.setAccessible(true);
      return field;
    } catch (NoSuchFieldException e) {
      throw new IllegalStateException("this driver's pool is not the one known here", e);
    }
  }
}
