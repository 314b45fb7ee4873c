package poolsim.runs;

import com.datastax.driver.core.HostDistance;
import com.datastax.driver.core.PoolingOptions;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import java.util.ArrayList;
import java.util.List;

/** Pooling options that are set while a run goes on: `changes: [[at_ns, {options}], ...]`. */
final class OptionChange {
  private static final String[] KEYS = {
    "core", "max", "max_requests", "new_connection_threshold", "max_queue_size",
    "pool_timeout_ms", "idle_timeout_s", "heartbeat_interval_s"
  };

  final long at;
  private final Entry options;

  private OptionChange(long at, Entry options) {
    this.at = at;
    this.options = options;
  }

  /** The changes of a run, each tried on options like the run's own, which are changed by it. */
  static List<OptionChange> read(Entry run, PoolingOptions tried) throws BadRun {
    List<OptionChange> changes = new ArrayList<>();
    if (!run.has("changes")) {
      return changes;
    }
    long before = -1;
    for (JsonElement one : run.list("changes")) {
      JsonArray pair = one.isJsonArray() ? one.getAsJsonArray() : new JsonArray();
      if (pair.size() != 2 || !pair.get(1).isJsonObject()) {
        throw new BadRun("changes: each must be [at_ns, {options}], not " + one);
      }
      long at = Entry.wholeOf(pair.get(0), "changes: at_ns");
      if (at <= before) {
        throw new BadRun("changes: times must rise from 0: " + one);
      }
      before = at;
      OptionChange change =
          new OptionChange(at, new Entry(pair.get(1).getAsJsonObject(), "changes").only(KEYS));
      change.set(tried);
      changes.add(change);
    }
    return changes;
  }

  void set(PoolingOptions pooling) throws BadRun {
    HostDistance local = HostDistance.LOCAL;
    int core = pooling.getCoreConnectionsPerHost(local);
    int max = pooling.getMaxConnectionsPerHost(local);
    Options.setPooling(options, pooling, core, max);
  }

  String describe() {
    StringBuilder text = new StringBuilder();
    for (String key : options.keys()) {
      text.append(text.length() == 0 ? "" : ";").append(key).append('=');
      try {
        text.append(options.whole(key));
      } catch (BadRun e) {
        throw new IllegalStateException(e);
      }
    }
    return text.toString();
  }
}
