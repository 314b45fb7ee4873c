'use strict';
// Records one run of the real Node.js driver.
//
// Usage: runs.js RUN.JSON
//
// Connects, warms up, prints {"ready": true, ...}, reads {"start_ns": T}, runs, writes requests.csv,
// hosts.csv and events.csv, prints {"done": true, ...} and exits 0. Exits 3 when the run cannot be
// made as asked, 1 on anything unforeseen; stderr says why.

const fs = require('fs');
const { version } = require('cassandra-driver/package.json');
const { at, now } = require('./clock');
const { BadRun, intended, read } = require('./run_file');
const { Issuer, runLoad } = require('./run_loads');
const { Events, HostNumbers, Requests, writeWhole } = require('./run_log');
const { Noted } = require('./run_noted');
const { Timeline, connect } = require('./run_session');

const BAD_RUN = 3;
const FIRST_REQUESTS = 300;
const DRAIN_NS = 30e9;

/** Record the run that a file asks for. */
async function record(path) {
  const run = read(path);
  if (run.load.kind === 'open') {
    intended(run.load);
  }
  const numbers = new HostNumbers(run);
  const events = new Events();
  const noted = new Noted(numbers, events);
  const client = await connect(run, noted);
  for (let i = 0; i < FIRST_REQUESTS; i++) {
    await client.execute(run.query, [], { prepare: false });
  }
  const requests = new Requests(numbers);
  const startNs = await agreeOnStart();
  const timeline = new Timeline(run, client, noted, startNs);
  timeline.start();
  const before = process.cpuUsage();
  await runLoad(run, new Issuer(run, client, requests), startNs);
  const used = process.cpuUsage(before);
  await drained(requests);
  writeWhole(run.out, 'requests.csv', requests.text(startNs));
  writeWhole(run.out, 'hosts.csv', timeline.text());
  writeWhole(run.out, 'events.csv', events.text(startNs));
  say({
    done: true,
    cpu_ns: 1000 * (used.user + used.system),
    requests: requests.issued,
    unfinished: requests.issued - requests.finished,
  });
}

/** Wait for the responses that are still to come, for a while. */
function drained(requests) {
  const end = now() + DRAIN_NS;
  return new Promise(resolve => {
    const look = () => {
      if (requests.finished >= requests.issued || now() > end) {
        resolve();
      } else {
        at(now() + 10e6, look);
      }
    };
    look();
  });
}

/** Tell the harness that all is ready, and read when the run is to start. */
async function agreeOnStart() {
  say({ ready: true, driver_version: version, node_version: process.versions.node });
  const line = await firstLine();
  let startNs;
  try {
    startNs = JSON.parse(line).start_ns;
  } catch (error) {
    startNs = undefined;
  }
  if (!Number.isSafeInteger(startNs)) {
    throw new BadRun(`expected {"start_ns": T} from the harness, not ${JSON.stringify(line)}`);
  }
  const late = now() - startNs;
  if (late > 0) {
    throw new BadRun(`start_ns was ${late} ns ago when it arrived`);
  }
  return startNs;
}

/** What the harness says. When it goes away, so does the recorder: nobody would read its files. */
function firstLine() {
  return new Promise((resolve, reject) => {
    let said = '';
    let isHeard = false;
    process.stdin.setEncoding('utf8');
    process.stdin.on('data', text => {
      said += text;
      if (!isHeard && said.includes('\n')) {
        isHeard = true;
        resolve(said.slice(0, said.indexOf('\n')));
      }
    });
    process.stdin.on('end', () => {
      if (isHeard) {
        process.stderr.write('recorder: the harness went away during the run\n');
        process.exit(1);
      }
      reject(new BadRun('the harness went away before the run'));
    });
  });
}

/** One JSON line to the harness. */
function say(what) {
  fs.writeSync(1, `${JSON.stringify(what)}\n`);
}

async function main(parameters) {
  try {
    if (parameters.length !== 1) {
      throw new BadRun('one argument is needed: the path of run.json');
    }
    await record(parameters[0]);
  } catch (error) {
    if (error instanceof BadRun) {
      process.stderr.write(`recorder: ${error.message}\n`);
      return BAD_RUN;
    }
    process.stderr.write(`${error.stack}\n`);
    return 1;
  }
  return 0;
}

main(process.argv.slice(2)).then(status => process.exit(status));
