'use strict';
// A random walk over a real pool: one operation and one line after another.

const fs = require('fs');
const { version } = require('cassandra-driver/package.json');
const { Random } = require('./random');
const { waits } = require('./real_pool');

const FORMAT = 'poolsim.decisions/1';

// Weights of the operations on requests; a walk changes its mode every now and then.
const MODES = {
  fill: { borrow: 8, release: 2, timeout: 0.4, late_response: 0.3 },
  mix: { borrow: 4, release: 4, timeout: 0.6, late_response: 0.6 },
  drain: { borrow: 1, release: 6, timeout: 0.3, late_response: 2 },
  orphan: { borrow: 4, release: 0.5, timeout: 5, late_response: 0.3 },
  late: { borrow: 3, release: 2, timeout: 0.3, late_response: 6 },
};
/** Operations in one mode, on average; more where it takes more to fill a pool. */
const SHORTEST_MODE = 40;
/** Requests that may wait for stream ids at the same time. */
const MOST_WAITING = 12;

class Walk {
  constructor(pool, seed, file) {
    this.pool = pool;
    this.random = new Random(seed);
    this.file = fs.openSync(file, 'w');
    this.lines = 0;
    this.counts = {};
    this.whileCreating = 0;
    this.number = 0;
    this.mode = 'fill';
    const { core, maxRequests, streams } = pool.settings;
    this.modeOperations = Math.max(SHORTEST_MODE, core * Math.min(maxRequests, streams));
  }

  // Writing ---------------------------------------------------------------------------------------

  writeHeader(walk) {
    const settings = this.pool.settings;
    this.put({
      format: FORMAT,
      driver: 'nodejs',
      driver_version: version,
      protocol: settings.wireProtocol,
      clock: 'driven',
      walk: walk.name,
      seed: walk.seed,
      distance: settings.distance,
      selection_counter: 0,
      options: {
        core: settings.core,
        max_requests: settings.maxRequests,
        max_in_flight: settings.streams,
        defunct_read_timeout_threshold: settings.defunctThreshold,
        warmup: settings.warmup,
        reconnection: settings.reconnection,
        chance: settings.chance,
      },
    });
  }

  put(line) {
    fs.writeSync(this.file, `${JSON.stringify(line)}\n`);
  }

  /** Write the line of an operation that is done, with what it led to. */
  note(operation, keys = {}) {
    const { pool } = this;
    const line = { op: operation, ...keys, at_ms: pool.timers.now };
    const state = pool.state();
    const { failed, granted } = pool.takeChanges();
    let lost = failed.map(request => request.number).sort((a, b) => a - b);
    let served = granted;
    if (operation === 'borrow') {
      const own = keys.request;
      line.result = 'queued';
      if (lost.includes(own)) {
        line.result = 'rejected';
      } else if (granted.some(request => request.number === own)) {
        line.result = 'granted';
      }
      if (line.result !== 'rejected') {
        line.connection = pool.name(pool.requests.get(own).connection);
      }
      lost = lost.filter(number => number !== own);
      served = granted.filter(request => request.number !== own);
    }
    if (served.length > 0) {
      line.grants = served.map(request => [request.number, pool.name(request.connection)]);
    }
    if (lost.length > 0) {
      line.failed = lost;
    }
    line.state = state;
    this.put(line);
    this.lines++;
    this.counts[operation] = (this.counts[operation] || 0) + 1;
    this.whileCreating += state.creating;
  }

  end() {
    fs.closeSync(this.file);
  }

  // Operations ------------------------------------------------------------------------------------

  /** The whole walk. */
  async run(operations) {
    this.note('init');
    while (this.lines < operations) {
      if (this.random.next() < 1 / this.modeOperations) {
        this.mode = this.random.of(Object.keys(MODES));
      }
      await this.passTime(this.random.of([0, 0, 1, 2, 5]));
      if (!await this.aboutHandshakes() && !await this.aboutThePool()) {
        await this.aboutRequests();
      }
    }
  }

  /** Let time pass; a timer that is due meanwhile goes off, with a line of its own. */
  async passTime(step) {
    const { timers } = this.pool;
    const until = timers.now + step;
    const due = this.firstDue();
    if (due !== null && due <= until) {
      await this.advance();
    } else {
      timers.now = until;
    }
  }

  firstDue() {
    const { nextAttempt, statusDue } = this.pool;
    const due = [nextAttempt, statusDue].filter(at => at !== null);
    return due.length > 0 ? Math.min(...due) : null;
  }

  /** Time passes up to the next timer, which goes off. */
  async advance() {
    const { pool } = this;
    const { timers } = pool;
    const before = timers.now;
    timers.now = Math.max(before, this.firstDue());
    const isStatus = pool.statusDue !== null && pool.statusDue <= timers.now;
    if (isStatus) {
      await pool.heedUp();
    } else {
      await pool.attempt();
    }
    this.note('advance', {
      seconds: (timers.now - before) / 1000,
      timer: isStatus ? 'status' : 'attempt',
    });
  }

  /** Hold, let go, refuse; whether that was it. */
  async aboutHandshakes() {
    const { pool } = this;
    const chance = this.random.next();
    if (!pool.held) {
      return chance < 0.05 && this.hold(true);
    }
    const isEmpty = pool.pool.connections.length === 0;
    if (pool.pool._opening) {
      const refuse = isEmpty ? 0.15 : 0.04;
      if (chance < refuse) {
        await pool.refuse();
        this.note('connect_failed');
        return true;
      }
      return chance < refuse + (isEmpty ? 0.3 : 0.03) && this.hold(false);
    }
    return chance < 0.02 && this.hold(false);
  }

  async hold(value) {
    await this.pool.hold(value);
    this.note('hold_connects', { value });
    return true;
  }

  /** Losses, heartbeats, long times, what the server says; whether that was it. */
  async aboutThePool() {
    const { pool, random } = this;
    const chance = random.next();
    const { connections } = pool.pool;
    const isEmpty = connections.length === 0;
    if (this.firstDue() !== null && chance < (isEmpty ? 0.5 : 0.03)) {
      await this.advance();
      return true;
    }
    if (chance > 0.9 && chance < (isEmpty ? 0.93 : 0.902)) {
      pool.hearUp();
      this.note('status_up');
      return true;
    }
    if (isEmpty) {
      return false;
    }
    const connection = random.of(connections);
    if (chance > 0.96 && chance < 0.966) {
      await pool.lose(connection);
      this.note('lose', { connection: pool.name(connection) });
      return true;
    }
    if (chance > 0.97 && chance < 0.985 && !waits(connection)) {
      await pool.fallSilent(connection);
      this.note('heartbeat', { connection: pool.name(connection) });
      return true;
    }
    if (chance > 0.99 && chance < 0.993) {
      await pool.failHeartbeat(connection);
      this.note('heartbeat_timeout', { connection: pool.name(connection) });
      return true;
    }
    return false;
  }

  /** How worthwhile a borrow is: one that is refused tells little. */
  welcome() {
    const { pool } = this;
    const most = pool.settings.maxRequests;
    const hasRoom = pool.pool.connections.some(c => c.getInFlight() < most);
    return hasRoom && pool.host.isUp() ? 1 : 0.15;
  }

  async aboutRequests() {
    const { pool, random } = this;
    const all = [...pool.requests.values()];
    const waiting = all.filter(request => !request.isWritten && !request.timedOut);
    const running = all.filter(request => request.isWritten && !request.timedOut);
    const orphans = all.filter(request => request.isWritten && request.timedOut);
    const weights = { ...MODES[this.mode] };
    weights.borrow *= waiting.length < MOST_WAITING ? this.welcome() : 0;
    weights.release *= running.length > 0;
    weights.timeout *= running.length + waiting.length > 0;
    weights.late_response *= orphans.length > 0;
    if (Object.values(weights).every(weight => weight === 0)) {
      return;
    }
    const operation = random.weighed(weights);
    if (operation === 'borrow') {
      const number = this.number++;
      await pool.borrow(number);
      this.note('borrow', { request: number });
      return;
    }
    const pick = { release: running, timeout: [...running, ...waiting], late_response: orphans };
    const request = random.of(pick[operation]);
    if (operation === 'release') {
      await pool.release(request);
    } else if (operation === 'timeout') {
      await pool.timeOut(request);
    } else {
      await pool.lateResponse(request);
    }
    this.note(operation, { request: request.number });
  }
}

module.exports = { Walk };
