package com.datastax.driver.core;

import com.datastax.driver.core.policies.LoadBalancingPolicy;
import java.net.InetAddress;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;

/** Sends everything to one host at a given distance and ignores all others. */
final class OneHost implements LoadBalancingPolicy {

  private final InetAddress address;
  private final HostDistance distance;
  private volatile Host host;

  OneHost(InetAddress address, HostDistance distance) {
    this.address = address;
    this.distance = distance;
  }

  Host host() {
    return host;
  }

  @Override
  public void init(Cluster cluster, Collection<Host> hosts) {
    for (Host candidate : hosts) {
      if (isTheOne(candidate)) {
        host = candidate;
      }
    }
  }

  private boolean isTheOne(Host candidate) {
    return candidate.getEndPoint().resolve().getAddress().equals(address);
  }

  @Override
  public HostDistance distance(Host candidate) {
    return isTheOne(candidate) ? distance : HostDistance.IGNORED;
  }

  @Override
  public Iterator<Host> newQueryPlan(String keyspace, Statement statement) {
    return Collections.singletonList(host).iterator();
  }

  @Override
  public void onAdd(Host added) {}

  @Override
  public void onUp(Host up) {}

  @Override
  public void onDown(Host down) {}

  @Override
  public void onRemove(Host removed) {}

  @Override
  public void close() {}
}
