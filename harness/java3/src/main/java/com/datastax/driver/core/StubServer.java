package com.datastax.driver.core;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.scassandra.Scassandra;
import org.scassandra.ScassandraFactory;
import org.scassandra.cql.CqlType;
import org.scassandra.cql.PrimitiveType;
import org.scassandra.cql.SetType;
import org.scassandra.http.client.PrimingRequest;
import org.scassandra.http.client.types.ColumnMetadata;

/** A stub node that speaks protocol v2, which Cassandra 5 does not. */
final class StubServer implements AutoCloseable {

  private static final String HOST = "127.0.0.1";
  private final Scassandra scassandra;
  private final int port;

  StubServer() throws IOException {
    port = freePort();
    scassandra = ScassandraFactory.createServer(HOST, port, HOST, freePort());
    scassandra.start();
    prime();
  }

  String address() {
    return HOST + ":" + port;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName(HOST))) {
      return socket.getLocalPort();
    }
  }

  /** The rows without which the driver makes no session. */
  private void prime() {
    Map<String, Object> row = new HashMap<>();
    row.put("key", "local");
    row.put("cluster_name", "stub");
    row.put("partitioner", "org.apache.cassandra.dht.Murmur3Partitioner");
    row.put("data_center", "dc1");
    row.put("rack", "rack1");
    row.put("release_version", "2.0.17");
    row.put("host_id", UUID.nameUUIDFromBytes(new byte[] {1}).toString());
    row.put("schema_version", UUID.nameUUIDFromBytes(new byte[] {2}).toString());
    row.put("tokens", Collections.singleton("0"));
    Map<String, CqlType> types = new HashMap<>();
    types.put("host_id", PrimitiveType.UUID);
    types.put("schema_version", PrimitiveType.UUID);
    types.put("tokens", SetType.set(PrimitiveType.TEXT));
    ColumnMetadata[] columns =
        row.keySet().stream()
            .map(name -> ColumnMetadata.column(name, types.getOrDefault(name, PrimitiveType.TEXT)))
            .toArray(ColumnMetadata[]::new);
    String[] queries = {
      "SELECT * FROM system.local WHERE key='local'",
      "SELECT schema_version, host_id FROM system.local WHERE key='local'",
      "select cluster_name from system.local where key = 'local'",
    };
    for (String query : queries) {
      scassandra
          .primingClient()
          .prime(
              PrimingRequest.queryBuilder()
                  .withQuery(query)
                  .withThen(
                      PrimingRequest.then()
                          .withRows(Collections.singletonList(row))
                          .withColumnTypes(columns))
                  .build());
    }
  }

  @Override
  public void close() {
    scassandra.stop();
  }
}
