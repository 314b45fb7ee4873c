'use strict';
// The loads of a run: everything on the event loop that the driver lives on.

const { at, now } = require('./clock');
const { intended } = require('./run_file');

/** Sends numbered requests through a client. */
class Issuer {
  constructor(run, client, requests) {
    this.run = run;
    this.client = client;
    this.requests = requests;
    this.completed = () => {};
  }

  /** Issue a request that was due at an instant. */
  issue(intendedNs) {
    const options = { prepare: false };
    if (this.run.protocol >= 4) {
      const number = Buffer.alloc(8);
      number.writeBigInt64BE(BigInt(this.requests.issued));
      options.customPayload = { poolsim: number };
    }
    const row = this.requests.start(intendedNs);
    this.client.execute(this.run.query, [], options, (error, result) => {
      if (error) {
        this.requests.fail(row, error);
      } else {
        this.requests.succeed(row, result.info.queriedHost);
      }
      this.completed(row.ended, !error);
    });
    return row.started;
  }
}

/** Give the run's load; ends with it. */
function runLoad(run, issuer, startNs) {
  return run.load.kind === 'open' ? runOpen(run, issuer, startNs) : runClosed(run, issuer, startNs);
}

/** Requests at given times, whatever becomes of them: never earlier, later if the loop is busy. */
function runOpen(run, issuer, startNs) {
  const times = intended(run.load);
  const endNs = startNs + run.durationNs;
  return new Promise(resolve => {
    let next = 0;
    let free = startNs;
    const step = () => {
      while (next < times.length && startNs + times[next] < endNs) {
        const due = startNs + times[next];
        const from = Math.max(due, free);
        if (now() < from) {
          at(from, step);
          return;
        }
        free = issuer.issue(due) + run.issueGapNs;
        next++;
      }
      at(endNs, resolve);
    };
    step();
  });
}

/** So many workers with one request each at a time; one whose request failed pauses first. */
function runClosed(run, issuer, startNs) {
  const phases = run.load.phases.map(([instant, window]) => [startNs + instant, window]);
  const pauseNs = run.load.error_pause_ns === undefined ? 1e6 : run.load.error_pause_ns;
  const endNs = startNs + run.durationNs;
  return new Promise(resolve => {
    let window = 0;
    let workers = 0;
    let free = startNs;
    const waiting = [];
    let isWaiting = false;

    const issueWaiting = () => {
      isWaiting = false;
      while (waiting.length > 0 && now() < endNs) {
        if (now() < free) {
          isWaiting = true;
          at(free, issueWaiting);
          return;
        }
        free = issuer.issue(waiting.shift()) + run.issueGapNs;
      }
    };

    const send = due => {
      waiting.push(due);
      if (!isWaiting) {
        issueWaiting();
      }
    };

    const goOn = due => {
      if (workers > window) {
        workers--;
      } else if (now() < endNs) {
        send(due);
      }
    };

    issuer.completed = (endedNs, well) => {
      if (well) {
        goOn(endedNs);
      } else {
        at(endedNs + pauseNs, () => goOn(endedNs + pauseNs));
      }
    };

    for (const [instant, level] of phases) {
      at(instant, () => {
        window = level;
        while (workers < window) {
          workers++;
          send(instant);
        }
      });
    }
    at(endNs, resolve);
  });
}

module.exports = { Issuer, runLoad };
