package poolsim.runs;

/** Where requests come from. */
interface Load {
  /** Issues requests from `start` on and returns when none is to follow, at `end` at the latest. */
  void run(Issuer issuer, long start, long end);

  /** How many requests to make room for. */
  long expected(long durationNs);
}
