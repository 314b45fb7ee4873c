package poolsim.runs;

import com.datastax.driver.core.NettyOptions;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.AttributeKey;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.concurrent.TimeUnit;

/** Notes every TCP connection that the driver makes: its start, how that went, and its end. */
final class Network extends NettyOptions {
  private static final AttributeKey<String> PURPOSE = AttributeKey.valueOf("poolsim.purpose");

  private final Hosts hosts;
  private final Events events;
  private final Purpose purpose;

  Network(Hosts hosts, Events events, Purpose purpose) {
    this.hosts = hosts;
    this.events = events;
    this.purpose = purpose;
  }

  @Override
  public void afterBootstrapInitialized(Bootstrap bootstrap) {
    super.afterBootstrapInitialized(bootstrap);
    // Called by the thread that wants the connection, and only it knows what for.
    bootstrap.attr(PURPOSE, purpose.next());
  }

  @Override
  public void afterChannelInitialized(SocketChannel channel) {
    channel.pipeline().addLast("poolsim", new Connecting(channel.attr(PURPOSE).get()));
  }

  private final class Connecting extends ChannelDuplexHandler {
    private final String purpose;
    private int host = -1;
    private int port = -1;

    Connecting(String purpose) {
      this.purpose = "purpose=" + purpose;
    }

    @Override
    public void connect(
        ChannelHandlerContext context,
        SocketAddress remote,
        SocketAddress local,
        ChannelPromise promise)
        throws Exception {
      host = remote instanceof InetSocketAddress ? hosts.indexOf((InetSocketAddress) remote) : -1;
      events.add(Clock.now(), host, "connect_started", purpose);
      promise.addListener(
          done -> {
            long now = Clock.now();
            SocketAddress own = context.channel().localAddress();
            port = own instanceof InetSocketAddress ? ((InetSocketAddress) own).getPort() : -1;
            if (done.isSuccess()) {
              context.channel().closeFuture().addListener(closed -> closed());
              events.add(now, host, "connect_succeeded", purpose + ";port=" + port);
            } else {
              String error = done.cause().getClass().getSimpleName();
              events.add(now, host, "connect_failed", purpose + ";error=" + error);
            }
          });
      super.connect(context, remote, local, promise);
    }

    private void closed() {
      events.add(Clock.now(), host, "socket_closed", purpose + ";port=" + port);
    }
  }

  /** For the session of the warm-up, which shall be gone at once. */
  static final class Brief extends NettyOptions {
    @Override
    public void onClusterClose(EventLoopGroup group) {
      group.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
    }
  }
}
