package poolsim.runs;

import com.datastax.driver.core.EndPoint;
import com.datastax.driver.core.exceptions.BusyPoolException;
import com.datastax.driver.core.exceptions.NoHostAvailableException;
import com.datastax.driver.core.exceptions.OperationTimedOutException;
import java.util.Map;

/** How requests end, and the words for what went wrong. */
final class Outcome {
  static final byte OK = 0;
  /** Every host that was tried had a busy pool. */
  static final byte REJECTED = 1;
  /** The driver's own read timeout, on the only host or on every host that was tried. */
  static final byte TIMEOUT = 2;
  static final byte ERROR = 3;
  static final String[] NAMES = {"ok", "rejected", "timeout", "error"};

  private Outcome() {}

  static byte of(Throwable thrown) {
    if (!(thrown instanceof NoHostAvailableException)) {
      return ofOne(thrown);
    }
    byte common = -1;
    for (Throwable one : ((NoHostAvailableException) thrown).getErrors().values()) {
      byte outcome = ofOne(one);
      if (common >= 0 && outcome != common) {
        return ERROR;
      }
      common = outcome;
    }
    return common < 0 ? ERROR : common;
  }

  private static byte ofOne(Throwable thrown) {
    if (thrown instanceof BusyPoolException) {
      return REJECTED;
    }
    return thrown instanceof OperationTimedOutException ? TIMEOUT : ERROR;
  }

  /** The class; where no host was available also `host number=class` of each, joined by `;`. */
  static String describe(Throwable thrown, Hosts hosts) {
    if (!(thrown instanceof NoHostAvailableException)) {
      return name(thrown);
    }
    StringBuilder text = new StringBuilder("NoHostAvailableException");
    Map<EndPoint, Throwable> errors = ((NoHostAvailableException) thrown).getErrors();
    for (Map.Entry<EndPoint, Throwable> error : errors.entrySet()) {
      text.append(';').append(hosts.indexOf(error.getKey().resolve()));
      text.append('=').append(name(error.getValue()));
    }
    return text.toString();
  }

  /** A pool is busy in two ways that matter here: no place in its queue, or too long in it. */
  private static String name(Throwable thrown) {
    String name = thrown.getClass().getSimpleName();
    if (!(thrown instanceof BusyPoolException)) {
      return name;
    }
    String message = String.valueOf(thrown.getMessage());
    return name + (message.contains("timed out") ? ":timed_out" : ":queue_full");
  }
}
