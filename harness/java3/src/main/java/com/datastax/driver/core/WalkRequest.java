package com.datastax.driver.core;

import com.google.common.util.concurrent.ListenableFuture;

/** A request of a walk, from its borrow to its release or its late response. */
final class WalkRequest {

  final int number;

  /** A request of the session's, sent to the node; otherwise a borrowed connection alone. */
  final boolean sent;

  /** What it waits in the queue as; the driver's own entry. */
  Object waiter;

  /** The borrow's future, or the request's. */
  ListenableFuture<?> future;

  volatile Connection connection;
  volatile int stream = -1;

  /** Whether the connection that it got was dead, so that it gave it back. */
  volatile boolean inVain = false;

  volatile ManualTimer.Appointment timeout;

  WalkRequest(int number, boolean sent) {
    this.number = number;
    this.sent = sent;
  }
}
