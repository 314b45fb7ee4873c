package poolsim.runs;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** run.json: what the harness asks for. Every value is checked before anything is connected. */
final class RunFile {
  private static final String[] KEYS = {
    "contact_points", "port", "translate", "hosts", "protocol", "driver", "options", "changes",
    "load", "duration_ns", "sample_every_ns", "issue_gap_ns", "out", "query", "warm_up_ns"
  };
  private static final String QUERY = "SELECT key FROM system.local WHERE key='local'";
  private static final String DRIVER = "java3";
  private static final long SECOND_NS = 1_000_000_000L;

  final List<String> contactPoints;
  final int port;
  final Map<String, String> translate;
  final List<String> hosts;
  final int protocol;
  final Options options;
  final List<OptionChange> changes;
  final Load load;
  final long durationNs;
  final long sampleEveryNs;
  final Path out;
  final String query;
  final long warmUpNs;

  private RunFile(Entry run) throws BadRun {
    run.only(KEYS);
    contactPoints = texts(run, "contact_points");
    hosts = texts(run, "hosts");
    port = run.count("port", 9042);
    translate = new LinkedHashMap<>();
    Entry addresses = run.entry("translate");
    for (String address : addresses.keys()) {
      translate.put(address, addresses.text(address));
    }
    if (!run.text("driver", DRIVER).equals(DRIVER)) {
      throw run.wrong("driver", DRIVER);
    }
    protocol = run.count("protocol", 4);
    if (protocol < 1 || protocol > 4) {
      throw run.wrong("protocol", "1 to 4");
    }
    options = new Options(run.entry("options"));
    changes = OptionChange.read(run, options.resolved(protocol));
    durationNs = positive(run, "duration_ns", -1);
    sampleEveryNs = positive(run, "sample_every_ns", 20_000_000);
    query = run.text("query", QUERY);
    warmUpNs = run.whole("warm_up_ns", 6 * SECOND_NS);
    out = Path.of(run.text("out"));
    if (!Files.isDirectory(out)) {
      throw new BadRun("out: there is no folder " + out);
    }
    load = load(run.entry("load"), run.whole("issue_gap_ns", 0));
  }

  static RunFile read(Path file) throws BadRun {
    try {
      JsonElement content =
          JsonParser.parseString(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
      if (!content.isJsonObject()) {
        throw new BadRun("an object is expected");
      }
      return new RunFile(new Entry(content.getAsJsonObject(), ""));
    } catch (IOException e) {
      throw new BadRun("cannot read " + file + ": " + e);
    } catch (JsonParseException e) {
      throw new BadRun(file + " is not JSON: " + e.getMessage());
    }
  }

  private static Load load(Entry load, long gap) throws BadRun {
    String kind = load.text("kind");
    if (kind.equals("open")) {
      load.only("kind", "intended_ns");
      return new OpenLoop(times(Path.of(load.text("intended_ns"))), gap);
    }
    if (!kind.equals("closed")) {
      throw load.wrong("kind", "open or closed");
    }
    load.only("kind", "phases", "error_pause_ns");
    List<long[]> phases = new ArrayList<>();
    for (JsonElement phase : load.list("phases")) {
      if (!phase.isJsonArray() || phase.getAsJsonArray().size() != 2) {
        throw new BadRun("load.phases: each must be [at_ns, window], not " + phase);
      }
      long at = Entry.wholeOf(phase.getAsJsonArray().get(0), "load.phases: at_ns");
      long window = Entry.wholeOf(phase.getAsJsonArray().get(1), "load.phases: window");
      long before = phases.isEmpty() ? -1 : phases.get(phases.size() - 1)[0];
      if (at <= before || window < 0 || window > 1_000_000) {
        throw new BadRun("load.phases: times must rise from 0 and windows be 0 to 1000000: " + phase);
      }
      phases.add(new long[] {at, window});
    }
    if (phases.isEmpty()) {
      throw load.wrong("phases", "a list with a phase");
    }
    return new ClosedLoop(
        phases.stream().mapToLong(phase -> phase[0]).toArray(),
        phases.stream().mapToInt(phase -> (int) phase[1]).toArray(),
        gap,
        positive(load, "error_pause_ns", 1_000_000));
  }

  /** Little-endian 64-bit integers, one an intended start. */
  private static long[] times(Path file) throws BadRun {
    byte[] content;
    try {
      content = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new BadRun("load.intended_ns: cannot read " + file + ": " + e);
    }
    if (content.length % Long.BYTES != 0) {
      throw new BadRun("load.intended_ns: " + file + " is not a file of 64-bit integers");
    }
    LongBuffer values = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer();
    long[] times = new long[values.remaining()];
    values.get(times);
    for (int i = 0; i < times.length; i++) {
      if (times[i] < (i == 0 ? 0 : times[i - 1])) {
        throw new BadRun("load.intended_ns: the times in " + file + " do not rise from 0");
      }
    }
    return times;
  }

  private static long positive(Entry entry, String key, long otherwise) throws BadRun {
    long value = otherwise < 0 ? entry.whole(key) : entry.whole(key, otherwise);
    if (value <= 0) {
      throw entry.wrong(key, "above 0");
    }
    return value;
  }

  private static List<String> texts(Entry entry, String key) throws BadRun {
    List<String> texts = new ArrayList<>();
    for (JsonElement text : entry.list(key)) {
      if (!text.isJsonPrimitive()) {
        throw entry.wrong(key, "a list of texts");
      }
      texts.add(text.getAsString());
    }
    if (texts.isEmpty()) {
      throw entry.wrong(key, "a list with an address");
    }
    return texts;
  }
}
