package poolsim.runs;

import java.io.BufferedWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/** What happened to connections and hosts. Rare, so any thread may add to it. */
final class Events {
  private final ConcurrentLinkedQueue<Event> all = new ConcurrentLinkedQueue<>();

  /**
   * @param host number of the host, -1 for none
   * @param detail `name=value` pairs joined by `;`
   */
  void add(long at, int host, String kind, String detail) {
    all.add(new Event(at, host, kind, detail));
  }

  void write(BufferedWriter out, long start) throws IOException {
    List<Event> sorted = new ArrayList<>(all);
    sorted.sort(Comparator.comparingLong(event -> event.at));
    out.write("at_ns,host,kind,detail\n");
    for (Event event : sorted) {
      String detail = event.detail.replace(',', ' ').replace('\n', ' ').replace('"', '\'');
      out.write((event.at - start) + "," + event.host + "," + event.kind + "," + detail + "\n");
    }
  }

  private static final class Event {
    final long at;
    final int host;
    final String kind;
    final String detail;

    Event(long at, int host, String kind, String detail) {
      this.at = at;
      this.host = host;
      this.kind = kind;
      this.detail = detail;
    }
  }
}
