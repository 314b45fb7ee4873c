package poolsim.runs;

import com.datastax.driver.core.Host;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The numbers of hosts: their places in the run's list, whichever address a driver uses. */
final class Hosts {
  private static final Pattern ADDRESS = Pattern.compile("(\\d+\\.\\d+\\.\\d+\\.\\d+)(:\\d+)?$");

  private final int count;
  private final Map<String, Integer> byAddress = new HashMap<>();
  /** Host objects met so far; replaced as a whole, so that readers need no lock. */
  private volatile Known known = new Known(new Host[0], new int[0]);

  Hosts(List<String> addresses, Map<String, String> translate) {
    count = addresses.size();
    for (int i = 0; i < count; i++) {
      String address = addresses.get(i);
      byAddress.put(address, i);
      byAddress.put(translate.getOrDefault(address, address), i);
    }
  }

  int count() {
    return count;
  }

  /** The number of a host, -1 for one that is not in the list. No lock for a host met before. */
  int indexOf(Host host) {
    Known now = known;
    for (int i = 0; i < now.hosts.length; i++) {
      if (now.hosts[i] == host) {
        return now.indices[i];
      }
    }
    return learn(host);
  }

  int indexOf(InetSocketAddress address) {
    if (address == null || address.getAddress() == null) {
      return -1;
    }
    return byAddress.getOrDefault(address.getAddress().getHostAddress(), -1);
  }

  /** The number of a host by how it prints: `/127.0.0.1:9042`. */
  int indexOf(String printed) {
    Matcher matcher = ADDRESS.matcher(printed);
    return matcher.find() ? byAddress.getOrDefault(matcher.group(1), -1) : -1;
  }

  private synchronized int learn(Host host) {
    int index = indexOf(host.getEndPoint().resolve());
    Known now = known;
    Host[] hosts = Arrays.copyOf(now.hosts, now.hosts.length + 1);
    int[] indices = Arrays.copyOf(now.indices, hosts.length);
    hosts[hosts.length - 1] = host;
    indices[hosts.length - 1] = index;
    known = new Known(hosts, indices);
    return index;
  }

  private static final class Known {
    final Host[] hosts;
    final int[] indices;

    Known(Host[] hosts, int[] indices) {
      this.hosts = hosts;
      this.indices = indices;
    }
  }
}
