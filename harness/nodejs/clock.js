'use strict';
// The monotonic clock of the harness, and waiting for an instant of it on the event loop.

/** Now, in ns of CLOCK_MONOTONIC. */
function now() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e9 + nanoseconds;
}

/** A timer has whole milliseconds; what is left after it is waited for turn by turn. */
const TIMER_NS = 2e6;

/** Call back at an instant or later, never earlier; sockets are served meanwhile. */
function at(instant, callback) {
  const left = instant - now();
  if (left > TIMER_NS) {
    setTimeout(at, Math.floor((left - 1e6) / 1e6), instant, callback);
  } else if (left > 0) {
    setImmediate(at, instant, callback);
  } else {
    callback();
  }
}

module.exports = { at, now };
