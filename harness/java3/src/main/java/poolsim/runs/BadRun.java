package poolsim.runs;

/** A run that cannot be made as it was asked for; the message is for people. */
final class BadRun extends Exception {
  private static final long serialVersionUID = 1L;

  BadRun(String message) {
    super(message);
  }
}
