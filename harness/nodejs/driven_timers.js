'use strict';
// The driver's timers in the recorder's hands.
//
// The driver asks for setTimeout, setInterval and their clear functions by their global names; here
// those keep what they are given, on a clock of whole milliseconds that moves when the recorder says
// so. Nothing goes off by itself. Node's own timers (of sockets) are others and stay as they are.
// To be loaded before the driver.

const LONGEST_MS = 2 ** 31 - 1;

const real = { setTimeout, clearTimeout, setImmediate };

/** One timer of the driver's. */
class Timer {
  constructor(timers, callback, parameters, delay, repeats) {
    this.timers = timers;
    this.callback = callback;
    this.parameters = parameters;
    this.delay = delay;
    this.due = timers.now + delay;
    this.repeats = repeats;
    this.isAhead = true;
  }

  ref() { return this; }

  unref() { return this; }

  hasRef() { return true; }

  refresh() {
    this.due = this.timers.now + this.delay;
    return this;
  }

  [Symbol.toPrimitive]() { return 0; }

  /** Goes off now, whenever it was due. */
  fire() {
    this.isAhead = this.repeats;
    this.callback(...this.parameters);
  }
}

/** All of them, and their clock. */
class DrivenTimers {
  constructor() {
    this.now = 0;
  }

  /** Takes the place of the global functions. */
  install() {
    const make = repeats => (callback, delay, ...parameters) =>
      new Timer(this, callback, parameters, wholeDelay(delay), repeats);
    const clear = timer => {
      if (timer instanceof Timer) {
        timer.isAhead = false;
      } else {
        real.clearTimeout(timer);
      }
    };
    globalThis.setTimeout = make(false);
    globalThis.setInterval = make(true);
    globalThis.clearTimeout = clear;
    globalThis.clearInterval = clear;
  }
}

/** What Node.js makes of a delay: whole milliseconds, 1 for what is less or too much. */
function wholeDelay(delay) {
  const asked = Number(delay);
  return asked >= 1 && asked <= LONGEST_MS ? Math.trunc(asked) : 1;
}

module.exports = { DrivenTimers, real };
