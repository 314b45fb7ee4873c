package com.datastax.driver.core;

import io.netty.channel.Channel;
import java.net.InetSocketAddress;

/** What a walk asks of a connection. */
final class Connections {

  private Connections() {}

  /** The local port of a connection: by it the proxy knows the connection. */
  static int port(Connection connection) {
    return port(connection.channel);
  }

  static int port(Channel channel) {
    return ((InetSocketAddress) channel.localAddress()).getPort();
  }

  static boolean isDead(Connection connection) {
    return connection.isDefunct() || connection.isClosed();
  }
}
