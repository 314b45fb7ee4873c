package com.datastax.driver.core;

/** What the driver makes of pooling options once it knows the protocol. */
public final class RunOptions {
  private RunOptions() {}

  /**
   * Fills in the defaults of a protocol version and checks all values, as the driver does when it
   * has connected.
   *
   * @throws IllegalArgumentException when the driver refuses a value
   */
  public static PoolingOptions resolve(PoolingOptions pooling, ProtocolVersion version) {
    pooling.setProtocolVersion(version);
    return pooling;
  }
}
