package poolsim.runs;

import com.datastax.driver.core.ResultSetFuture;
import com.datastax.driver.core.Session;
import com.datastax.driver.core.SimpleStatement;
import com.datastax.driver.core.Statement;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.concurrent.Executor;

/** Sends numbered requests through a session. One thread issues; the driver's threads complete. */
final class Issuer {
  /** The driver's own thread runs what follows a completion. */
  private static final Executor HERE = Runnable::run;

  private final Session session;
  private final String query;
  /** Name of the payload entry that carries the number, or null where the protocol has none. */
  private final String payload;

  private final Requests requests;
  private Completed completed = (ended, outcome) -> {};

  Issuer(Session session, String query, String payload, Requests requests) {
    this.session = session;
    this.query = query;
    this.payload = payload;
    this.requests = requests;
  }

  void whenCompleted(Completed completed) {
    this.completed = completed;
  }

  /** The statement of the next request, to be made while there is still time. */
  Statement prepare() {
    Statement statement = new SimpleStatement(query);
    if (payload != null) {
      ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
      number.putLong(0, requests.nextNumber());
      statement.setOutgoingPayload(Collections.singletonMap(payload, number));
    }
    return statement;
  }

  /** Issues a prepared statement; gives its start. */
  long issue(Statement statement, long intended) {
    int number = requests.nextNumber();
    long started = Clock.now();
    requests.started(intended, started);
    try {
      ResultSetFuture future = session.executeAsync(statement);
      future.addListener(new Completion(this, number, future), HERE);
    } catch (RuntimeException e) {
      long ended = Clock.now();
      requests.refused(number, ended, e);
      completed.request(ended, Outcome.ERROR);
    }
    return started;
  }

  /** Told of every request that ended, on whichever thread completed it. */
  interface Completed {
    void request(long ended, byte outcome);
  }

  private static final class Completion implements Runnable {
    private final Issuer issuer;
    private final int number;
    private final ResultSetFuture future;

    Completion(Issuer issuer, int number, ResultSetFuture future) {
      this.issuer = issuer;
      this.number = number;
      this.future = future;
    }

    @Override
    public void run() {
      long ended = Clock.now();
      byte outcome = issuer.requests.ended(number, ended, future);
      issuer.completed.request(ended, outcome);
    }
  }
}
