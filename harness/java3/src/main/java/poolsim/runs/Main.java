package poolsim.runs;

import com.datastax.driver.core.Cluster;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Records one run of the real driver: `Main run.json`.
 *
 * <p>Connects, warms up, prints a line `{"ready": true, ...}`, reads `{"start_ns": T}`, runs, writes
 * requests.csv, hosts.csv and events.csv, prints `{"done": true, ...}` and exits 0. Exits 3 when the
 * run cannot be made as asked, 1 on anything unforeseen; stderr says why.
 */
public final class Main {
  private static final int BAD_RUN = 3;
  private static final long CLEANUP_PERIOD_NS = 10_000_000_000L;
  /** Between `ready` and the proposed start: time for the harness to get ready itself. */
  private static final long LEAD_NS = 1_000_000_000L;

  /** Requests still under way at the end are waited for this long. */
  private static final long DRAIN_NS = 30_000_000_000L;

  private Main() {}

  public static void main(String[] arguments) {
    int status = 1;
    try {
      if (arguments.length != 1) {
        throw new BadRun("one argument is needed: the path of run.json");
      }
      record(RunFile.read(Path.of(arguments[0])));
      status = 0;
    } catch (BadRun e) {
      System.err.println("recorder: " + e.getMessage());
      status = BAD_RUN;
    } catch (Exception | Error e) {
      e.printStackTrace();
    }
    // The driver's threads would go on; nothing of theirs matters any more.
    System.out.flush();
    System.err.flush();
    Runtime.getRuntime().halt(status);
  }

  private static void record(RunFile run) throws BadRun, IOException {
    Hosts hosts = new Hosts(run.hosts, run.translate);
    Events events = new Events();
    Connected connected = Connected.connect(run, hosts, events);
    WarmUp.run(run, hosts);
    WarmUp.first(run, connected);
    Requests requests = new Requests(hosts, run.load.expected(run.durationNs));
    String payload = run.protocol >= 4 ? "poolsim" : null;
    Issuer issuer = new Issuer(connected.session, run.query, payload, requests);
    // What lives as long as the run is moved out of the young generation's way.
    System.gc();
    BufferedReader harness =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    long start = agreeOnStart(harness, connected);
    List<Timeline.Change> changes = changes(run, connected, events);
    Timeline timeline =
        new Timeline(
            connected.watch, hosts.count(), start, run.durationNs, run.sampleEveryNs, changes);
    Thread sampler = daemon("sampler", timeline);
    Usage before = new Usage();
    run.load.run(issuer, start, start + run.durationNs);
    Clock.sleepUntil(start + run.durationNs);
    JsonObject done = new Usage().since(before);
    join(sampler);
    long drained = Clock.now() + DRAIN_NS;
    while (requests.unfinished() > 0 && Clock.now() < drained) {
      Clock.sleepUntil(Clock.now() + 10_000_000);
    }
    connected.watch.look();
    write(run.out, "requests.csv", out -> requests.write(out, start));
    write(run.out, "hosts.csv", timeline::write);
    write(run.out, "events.csv", out -> events.write(out, start));
    done.addProperty("requests", requests.issued());
    done.addProperty("unfinished", requests.unfinished());
    System.out.println(done);
  }

  /** Tells the harness that all is ready and reads when the run is to start. */
  private static long agreeOnStart(BufferedReader harness, Connected connected)
      throws BadRun, IOException {
    // Repetitions are compared at the same distance from the cleanup; one of a pool of fixed size,
    // in which it finds nothing to do, need not wait for it.
    long earliest = Clock.now() + LEAD_NS;
    long proposed = connected.canResize() ? connected.threads.nextCleanup() : earliest;
    while (proposed < earliest) {
      proposed += CLEANUP_PERIOD_NS;
    }
    JsonObject ready = new JsonObject();
    ready.addProperty("ready", true);
    ready.addProperty("driver_version", Cluster.getDriverVersion());
    ready.addProperty("cleanup_origin_ns", connected.threads.cleanupOrigin());
    ready.addProperty("start_ns_proposed", proposed);
    ready.addProperty("java_version", System.getProperty("java.version"));
    System.out.println(ready);
    String line = harness.readLine();
    if (line == null) {
      throw new BadRun("the harness went away before the run");
    }
    long start;
    try {
      Entry answer = new Entry(JsonParser.parseString(line).getAsJsonObject(), "");
      start = answer.whole("start_ns");
    } catch (JsonParseException | IllegalStateException e) {
      throw new BadRun("expected {\"start_ns\": T} from the harness, not " + line);
    }
    long late = Clock.now() - start;
    if (late > 0) {
      throw new BadRun("start_ns was " + late + " ns ago when it arrived");
    }
    daemon("harness", () -> endWith(harness));
    return start;
  }

  /** A harness that goes away takes the recorder with it: nothing would read what it records. */
  private static void endWith(BufferedReader harness) {
    try {
      while (harness.readLine() != null) {
        // Nothing else is said.
      }
    } catch (IOException e) {
      System.err.println("recorder: " + e);
    }
    System.err.println("recorder: the harness went away during the run");
    Runtime.getRuntime().halt(1);
  }

  private static List<Timeline.Change> changes(RunFile run, Connected connected, Events events) {
    List<Timeline.Change> changes = new ArrayList<>();
    for (OptionChange change : run.changes) {
      changes.add(
          new Timeline.Change(
              change.at,
              () -> {
                try {
                  change.set(connected.pooling);
                  events.add(Clock.now(), -1, "changed", change.describe());
                } catch (BadRun e) {
                  events.add(Clock.now(), -1, "change_refused", e.getMessage());
                }
              }));
    }
    return changes;
  }

  private static Thread daemon(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Under another name first: a file is there whole or not at all. */
  private static void write(Path folder, String name, Content content) throws IOException {
    Path partial = folder.resolve(name + ".partial");
    try (BufferedWriter out = Files.newBufferedWriter(partial, StandardCharsets.UTF_8)) {
      content.write(out);
    }
    Files.move(partial, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  private interface Content {
    void write(BufferedWriter out) throws IOException;
  }

  /** What the process has used so far. */
  private static final class Usage {
    private final long cpuNs =
        ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
            .getProcessCpuTime();
    private long collections;
    private long collectionMs;

    Usage() {
      for (GarbageCollectorMXBean one : ManagementFactory.getGarbageCollectorMXBeans()) {
        collections += one.getCollectionCount();
        collectionMs += one.getCollectionTime();
      }
    }

    JsonObject since(Usage before) {
      JsonObject used = new JsonObject();
      used.addProperty("done", true);
      used.addProperty("cpu_ns", cpuNs - before.cpuNs);
      used.addProperty("collections", collections - before.collections);
      used.addProperty("collections_ms", collectionMs - before.collectionMs);
      return used;
    }
  }
}
