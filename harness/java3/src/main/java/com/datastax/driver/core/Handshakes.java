package com.datastax.driver.core;

import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.Timer;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * Knows the handshakes of a pool that are under way, and lets them end one at a time.
 *
 * <p>A handshake that the proxy holds has sent its STARTUP and reads nothing. One that the proxy
 * does not hold comes as far as READY and waits there until {@link #permitOldest}: connections that
 * joined at once would race for the waiters. One event loop serves the whole cluster, so whatever
 * was queued on it before a task has happened when that task runs.
 */
final class Handshakes extends NettyOptions {

  private static final String DISPATCHER = "dispatcher";

  private final ManualTimer timer;
  private final Queue<Handshake> underWay = new ConcurrentLinkedQueue<>();
  private volatile boolean gated = false;
  private volatile EventLoopGroup loop;

  Handshakes(ManualTimer timer) {
    this.timer = timer;
  }

  /** From now on the handshakes of pools stop at READY. */
  void gate() {
    gated = true;
  }

  /** From now on handshakes run freely; what waits goes on. */
  void ungate() {
    gated = false;
    while (!underWay.isEmpty() && underWay.peek().stage == Stage.READY) {
      permitOldest();
    }
  }

  /** Handshakes that have begun and not ended. */
  int count() {
    return underWay.size();
  }

  /** Handshakes that have come as far as they can: to STARTUP when held, to READY otherwise. */
  int resting(boolean held) {
    int resting = 0;
    for (Handshake handshake : underWay) {
      if (handshake.stage == (held ? Stage.STARTED : Stage.READY)) {
        resting++;
      }
    }
    return resting;
  }

  /** Whether a handshake from this local port is under way. */
  boolean isUnderWay(int port) {
    for (Handshake handshake : underWay) {
      if (handshake.port == port) {
        return true;
      }
    }
    return false;
  }

  /** Let the oldest handshake, which has come to READY, go on. */
  void permitOldest() {
    Handshake handshake = underWay.poll();
    ChannelHandlerContext context = handshake.context;
    Object ready = handshake.ready;
    context.executor().execute(() -> context.fireChannelRead(ready));
  }

  /** Wait until the event loop has done what it was given before. */
  void barrier() {
    if (loop != null) {
      Patience.until(loop.submit(() -> {})::isDone, "the event loop");
    }
  }

  @Override
  public EventLoopGroup eventLoopGroup(ThreadFactory factory) {
    loop = new NioEventLoopGroup(1, factory);
    return loop;
  }

  @Override
  public Class<? extends SocketChannel> channelClass() {
    return NioSocketChannel.class;
  }

  @Override
  public void afterChannelInitialized(SocketChannel channel) {
    Connection.Dispatcher dispatcher = (Connection.Dispatcher) channel.pipeline().get(DISPATCHER);
    Connection connection = Reflected.outer(dispatcher, Connection.class);
    if (gated && connection.hasOwner()) {
      Handshake handshake = new Handshake();
      underWay.add(handshake);
      channel.closeFuture().addListener(closed -> underWay.remove(handshake));
      channel.pipeline().addBefore(DISPATCHER, "handshake", handshake);
    }
  }

  @Override
  public Timer timer(ThreadFactory factory) {
    return timer;
  }

  @Override
  public void onClusterClose(EventLoopGroup group) {
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  private enum Stage {
    CONNECTING,
    STARTED,
    READY
  }

  /** One handshake; it stands in the channel's pipeline just before the driver's dispatcher. */
  private final class Handshake extends ChannelDuplexHandler {
    private volatile Stage stage = Stage.CONNECTING;
    private volatile int port = -1;
    private volatile ChannelHandlerContext context;
    private volatile Object ready;

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise)
        throws Exception {
      if (message instanceof Requests.Startup) {
        promise.addListener(future -> started(context.channel()));
      }
      super.write(context, message, promise);
    }

    private void started(Channel channel) {
      port = Connections.port(channel);
      if (stage == Stage.CONNECTING) {
        stage = Stage.STARTED;
      }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
      if (gated && message instanceof Responses.Ready) {
        this.context = context;
        ready = message;
        stage = Stage.READY;
      } else {
        super.channelRead(context, message);
      }
    }
  }
}
