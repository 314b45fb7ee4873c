package poolsim.runs;

import com.datastax.driver.core.RunPool;
import java.io.BufferedWriter;
import java.io.IOException;
import java.util.List;

/** Samples every host's pool at even times, on a thread of its own; also applies changes on time. */
final class Timeline implements Runnable {
  private static final int COLUMNS = 6;

  private final Watch watch;
  private final int hosts;
  private final long start;
  private final long every;
  private final List<Change> changes;
  private final int samples;
  private final long[] at;
  private final int[] values;
  private volatile int taken;

  Timeline(Watch watch, int hosts, long start, long duration, long every, List<Change> changes) {
    this.watch = watch;
    this.hosts = hosts;
    this.start = start;
    this.every = every;
    this.changes = changes;
    samples = Math.toIntExact(duration / every + 1);
    at = new long[samples];
    values = new int[samples * hosts * COLUMNS];
  }

  @Override
  public void run() {
    int nextChange = 0;
    for (int sample = 0; sample < samples; sample++) {
      long due = start + sample * every;
      while (nextChange < changes.size() && start + changes.get(nextChange).at < due) {
        Clock.sleepUntil(start + changes.get(nextChange).at);
        changes.get(nextChange++).apply();
      }
      Clock.sleepUntil(due);
      take(sample);
    }
  }

  private void take(int sample) {
    RunPool[] pools = watch.pools();
    at[sample] = Clock.now();
    int place = sample * hosts * COLUMNS;
    for (RunPool pool : pools) {
      if (pool != null) {
        values[place] = pool.active();
        values[place + 1] = pool.trashed();
        values[place + 2] = pool.inFlight();
        values[place + 3] = pool.pending();
        values[place + 4] = pool.creating();
        values[place + 5] = pool.opened();
      }
      place += COLUMNS;
    }
    watch.look(pools);
    taken = sample + 1;
  }

  /** Writes one line for each sample and host, zeros where a host had no pool. */
  void write(BufferedWriter out) throws IOException {
    out.write("at_ns,host,open,trashed,in_flight,pending,creating,opened\n");
    int place = 0;
    for (int sample = 0; sample < taken; sample++) {
      for (int host = 0; host < hosts; host++) {
        StringBuilder line = new StringBuilder(64);
        line.append(at[sample] - start).append(',').append(host);
        for (int column = 0; column < COLUMNS; column++) {
          line.append(',').append(values[place++]);
        }
        out.append(line.append('\n'));
      }
    }
  }

  /** An option that is set while the run goes on. */
  static final class Change {
    final long at;
    private final Runnable action;

    Change(long at, Runnable action) {
      this.at = at;
      this.action = action;
    }

    void apply() {
      action.run();
    }
  }
}
