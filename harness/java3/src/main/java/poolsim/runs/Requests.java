package poolsim.runs;

import com.datastax.driver.core.ResultSet;
import com.datastax.driver.core.ResultSetFuture;
import java.io.BufferedWriter;
import java.io.IOException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * What became of every request, by number, in columns of chunks.
 *
 * <p>The issuing thread writes a request's start before it issues it; the driver's thread that
 * completes it writes the end. The driver orders the two. Chunks that are expected are made before
 * the run begins.
 */
final class Requests {
  private static final int CHUNK_BITS = 15;
  private static final int CHUNK = 1 << CHUNK_BITS;
  private static final int MOST_CHUNKS = 4096;
  private static final long NOT_ENDED = Long.MIN_VALUE;

  private final Hosts hosts;
  private final Chunk[] chunks = new Chunk[MOST_CHUNKS];
  private final ConcurrentHashMap<String, Integer> errorNumbers = new ConcurrentHashMap<>();
  private final AtomicInteger errors = new AtomicInteger();
  private final LongAdder ended = new LongAdder();
  private int issued;

  Requests(Hosts hosts, long expected) {
    this.hosts = hosts;
    long wanted = Math.min(MOST_CHUNKS, (expected >> CHUNK_BITS) + 1);
    for (int i = 0; i < wanted; i++) {
      chunks[i] = new Chunk();
    }
  }

  /** Notes the start of the next request; only the issuing thread calls it. */
  void started(long intended, long started) {
    int number = issued++;
    Chunk chunk = chunks[number >> CHUNK_BITS];
    if (chunk == null) {
      chunk = chunks[number >> CHUNK_BITS] = new Chunk();
    }
    int row = number & (CHUNK - 1);
    chunk.intended[row] = intended;
    chunk.started[row] = started;
    chunk.ended[row] = NOT_ENDED;
  }

  /** The number that the next request gets. */
  int nextNumber() {
    return issued;
  }

  /** Notes the end of a request whose future is done; gives its outcome. */
  byte ended(int number, long at, ResultSetFuture future) {
    Chunk chunk = chunks[number >> CHUNK_BITS];
    int row = number & (CHUNK - 1);
    byte outcome;
    try {
      ResultSet result = future.get();
      chunk.host[row] = (byte) hosts.indexOf(result.getExecutionInfo().getQueriedHost());
      outcome = Outcome.OK;
    } catch (ExecutionException e) {
      outcome = failed(chunk, row, e.getCause());
    } catch (InterruptedException | RuntimeException e) {
      outcome = failed(chunk, row, e);
    }
    chunk.outcome[row] = outcome;
    chunk.ended[row] = at;
    ended.increment();
    return outcome;
  }

  /** Notes a request that the driver refused by an exception of the call itself. */
  void refused(int number, long at, Throwable thrown) {
    Chunk chunk = chunks[number >> CHUNK_BITS];
    int row = number & (CHUNK - 1);
    chunk.outcome[row] = failed(chunk, row, thrown);
    chunk.ended[row] = at;
    ended.increment();
  }

  private byte failed(Chunk chunk, int row, Throwable thrown) {
    chunk.host[row] = -1;
    chunk.error[row] = errorNumber(Outcome.describe(thrown, hosts));
    return Outcome.of(thrown);
  }

  private int errorNumber(String text) {
    Integer number = errorNumbers.get(text);
    // A number is never given twice; a race loses one, which nobody misses.
    return number != null
        ? number
        : errorNumbers.computeIfAbsent(text, unused -> errors.incrementAndGet());
  }

  int issued() {
    return issued;
  }

  long unfinished() {
    return issued - ended.sum();
  }

  /** Writes one line a request. One that never ended is an error named Unfinished. */
  void write(BufferedWriter out, long start) throws IOException {
    String[] texts = new String[errors.get() + 1];
    errorNumbers.forEach((text, number) -> texts[number] = text);
    texts[0] = "";
    out.write("number,intended_ns,started_ns,ended_ns,host,outcome,error\n");
    StringBuilder line = new StringBuilder(96);
    for (int number = 0; number < issued; number++) {
      Chunk chunk = chunks[number >> CHUNK_BITS];
      int row = number & (CHUNK - 1);
      boolean done = chunk.ended[row] != NOT_ENDED;
      line.setLength(0);
      line.append(number).append(',').append(chunk.intended[row] - start);
      line.append(',').append(chunk.started[row] - start).append(',');
      line.append(done ? chunk.ended[row] - start : -1);
      line.append(',').append(done ? chunk.host[row] : -1).append(',');
      line.append(Outcome.NAMES[done ? chunk.outcome[row] : Outcome.ERROR]).append(',');
      line.append(done ? texts[chunk.error[row]] : "Unfinished").append('\n');
      out.append(line);
    }
  }

  private static final class Chunk {
    final long[] intended = new long[CHUNK];
    final long[] started = new long[CHUNK];
    final long[] ended = new long[CHUNK];
    final byte[] host = new byte[CHUNK];
    final byte[] outcome = new byte[CHUNK];
    final int[] error = new int[CHUNK];
  }
}
