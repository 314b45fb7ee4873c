'use strict';
// What a run leaves behind: requests.csv, hosts.csv and events.csv.
//
// Times are CLOCK_MONOTONIC in ns, written relative to the run's start.

const fs = require('fs');
const path = require('path');
const { errors } = require('cassandra-driver');
const { now } = require('./clock');

/** The numbers of hosts: their places in the run's list, whichever address is used. */
class HostNumbers {
  constructor(run) {
    this.count = run.hosts.length;
    this.byAddress = new Map();
    run.hosts.forEach((address, number) => {
      this.byAddress.set(`${address}:${run.port}`, number);
      this.byAddress.set(`${run.translate[address] || address}:${run.port}`, number);
    });
  }

  /** The number of an address with its port, -1 for one that is not in the list. */
  of(address) {
    const number = this.byAddress.get(address);
    return number === undefined ? -1 : number;
  }
}

/** What happened to connections and hosts. */
class Events {
  constructor() {
    this.rows = [];
  }

  /** Something happens now; `detail` is `name=value` pairs joined by `;`. */
  add(host, kind, detail = '') {
    this.rows.push([now(), host, kind, detail]);
  }

  text(startNs) {
    const rows = this.rows.map(([instant, host, kind, detail]) => {
      const plain = detail.replace(/[,\n]/g, ' ').replace(/"/g, "'");
      return `${instant - startNs},${host},${kind},${plain}\n`;
    });
    return `at_ns,host,kind,detail\n${rows.join('')}`;
  }
}

/** What became of every request, by number. */
class Requests {
  constructor(numbers) {
    this.numbers = numbers;
    this.rows = [];
    this.finished = 0;
  }

  get issued() {
    return this.rows.length;
  }

  /** A request that was due at an instant is given to the driver now; its row. */
  start(intendedNs) {
    const row = {
      intended: intendedNs, started: now(), ended: null, host: -1, outcome: 'error',
      error: 'Unfinished',
    };
    this.rows.push(row);
    return row;
  }

  /** A host answered. */
  succeed(row, address) {
    row.ended = now();
    row.host = this.numbers.of(address);
    row.outcome = 'ok';
    row.error = '';
    this.finished++;
  }

  /** It ended with an error. */
  fail(row, error) {
    row.ended = now();
    row.outcome = outcome(error);
    row.error = this.describe(error);
    this.finished++;
  }

  /** The class; where no host was available also `host number=class` of each, joined by `;`. */
  describe(error) {
    if (!(error instanceof errors.NoHostAvailableError)) {
      return nameOf(error);
    }
    const each = Object.entries(error.innerErrors || {})
      .map(([address, one]) => `${this.numbers.of(address)}=${nameOf(one)}`);
    return [nameOf(error), ...each].join(';');
  }

  text(startNs) {
    const rows = this.rows.map((row, number) => [
      number, row.intended - startNs, row.started - startNs,
      row.ended === null ? -1 : row.ended - startNs, row.host, row.outcome, row.error,
    ].join(','));
    const head = 'number,intended_ns,started_ns,ended_ns,host,outcome,error\n';
    return head + rows.map(row => `${row}\n`).join('');
  }
}

function nameOf(error) {
  if (typeof error === 'string') {
    return 'HostDown';
  }
  return error && error.name ? error.name : 'None';
}

/** rejected: every host that was tried was busy; timeout: the driver's own. */
function outcome(error) {
  if (!(error instanceof errors.NoHostAvailableError)) {
    return outcomeOfOne(error);
  }
  const found = new Set(Object.values(error.innerErrors || {}).map(outcomeOfOne));
  return found.size === 1 ? [...found][0] : 'error';
}

function outcomeOfOne(error) {
  if (error instanceof errors.BusyConnectionError) {
    return 'rejected';
  }
  return error instanceof errors.OperationTimedOutError ? 'timeout' : 'error';
}

/** Write a file under another name first: it is there whole or not at all. */
function writeWhole(folder, name, text) {
  const partial = path.join(folder, `${name}.partial`);
  fs.writeFileSync(partial, text);
  fs.renameSync(partial, path.join(folder, name));
}

module.exports = { Events, HostNumbers, Requests, outcome, writeWhole };
