package com.datastax.driver.core;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** One control connection to the proxy, for one of its listeners. */
final class ProxyControl implements Closeable {

  private static final int READ_TIMEOUT_MS = 20_000;

  private final Socket socket = new Socket();
  private final String listener;
  private final BufferedReader replies;
  private final OutputStream requests;

  ProxyControl(InetSocketAddress control, String listener) throws IOException {
    this.listener = listener;
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(READ_TIMEOUT_MS);
    socket.connect(control);
    replies =
        new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    requests = socket.getOutputStream();
  }

  /** Listen in front of a backend. */
  void listen(String backend) {
    JsonObject request = request("listen");
    request.addProperty("backend", backend);
    call(request);
  }

  /** Stop listening, and cut all connections. */
  void stopListening() {
    call(request("close"));
  }

  void holdConnects(boolean value) {
    JsonObject request = request("hold_connects");
    request.addProperty("value", value);
    call(request);
  }

  void holdResponses(boolean value) {
    JsonObject request = request("hold_responses");
    request.addProperty("value", value);
    call(request);
  }

  /** Refuse the oldest held handshake; the local port of the client's side. */
  int refuseOldest() {
    return call(request("refuse_oldest")).get("client_port").getAsInt();
  }

  void cut(int port) {
    JsonObject request = request("cut");
    request.addProperty("client_port", port);
    call(request);
  }

  void releaseResponse(int port, int stream) {
    JsonObject request = request("release_response");
    request.addProperty("client_port", port);
    request.addProperty("stream", stream);
    call(request);
  }

  private JsonObject request(String what) {
    JsonObject request = new JsonObject();
    request.addProperty("do", what);
    request.addProperty("listen", listener);
    return request;
  }

  private JsonObject call(JsonObject request) {
    try {
      requests.write((request + "\n").getBytes(StandardCharsets.UTF_8));
      requests.flush();
      String line = replies.readLine();
      if (line == null) {
        throw new IOException("the proxy closed its control connection");
      }
      JsonObject reply = JsonParser.parseString(line).getAsJsonObject();
      if (!reply.get("ok").getAsBoolean()) {
        throw new IOException("the proxy refused " + request + ": " + reply.get("error"));
      }
      return reply;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
