package poolsim.runs;

import com.datastax.driver.core.Cluster;
import com.datastax.driver.core.Host;

/** Notes which hosts the driver takes for up and down. */
final class HostLog implements Host.StateListener {
  private final Hosts hosts;
  private final Events events;

  HostLog(Hosts hosts, Events events) {
    this.hosts = hosts;
    this.events = events;
  }

  @Override
  public void onAdd(Host host) {
    note(host, "host_added");
  }

  @Override
  public void onUp(Host host) {
    note(host, "host_up");
  }

  @Override
  public void onDown(Host host) {
    note(host, "host_down");
  }

  @Override
  public void onRemove(Host host) {
    note(host, "host_removed");
  }

  @Override
  public void onRegister(Cluster cluster) {}

  @Override
  public void onUnregister(Cluster cluster) {}

  private void note(Host host, String kind) {
    events.add(Clock.now(), hosts.indexOf(host), kind, "");
  }
}
