'use strict';
// run.json: what the harness asks a run recorder for, checked before anything is connected.

const fs = require('fs');

const QUERY = "SELECT key FROM system.local WHERE key='local'";
const KEYS = new Set([
  'contact_points', 'port', 'translate', 'hosts', 'protocol', 'driver', 'options', 'changes', 'load',
  'duration_ns', 'sample_every_ns', 'issue_gap_ns', 'out', 'query', 'warm_up_ns',
]);
const OPTIONS = new Set([
  'core', 'max_requests', 'warmup', 'defunct_read_timeout_threshold', 'connect_timeout_ms',
  'reconnection', 'balancing', 'retry', 'idempotent', 'executor_threads', 'keyspace',
  'read_timeout_ms', 'heartbeat_interval_s', 'tcp_nodelay',
]);
const RECONNECTION = new Set(['kind', 'base_ms', 'max_ms', 'start_with_no_delay']);
const BALANCING = new Set([
  'policy', 'token_aware', 'shuffle_replicas', 'used_hosts_per_remote_dc',
]);
const NEEDED = ['contact_points', 'hosts', 'out', 'duration_ns', 'load'];

/** A run that cannot be made as asked; the message says what is wrong. */
class BadRun extends Error {}

/** Read run.json; raises BadRun. */
function read(path) {
  let asked;
  try {
    asked = JSON.parse(fs.readFileSync(path, 'utf8'));
  } catch (error) {
    throw new BadRun(`cannot read ${path}: ${error.message}`);
  }
  if (asked === null || typeof asked !== 'object' || Array.isArray(asked)) {
    throw new BadRun('an object is expected');
  }
  only(asked, KEYS, '');
  if ((asked.driver || 'nodejs') !== 'nodejs') {
    throw new BadRun('driver must be nodejs');
  }
  if ((asked.changes || []).length > 0) {
    throw new BadRun('changes: the Node.js driver has no options that change at runtime');
  }
  const missing = NEEDED.filter(key => !(key in asked));
  if (missing.length > 0) {
    throw new BadRun(`${missing.join(', ')}: missing`);
  }
  const options = asked.options || {};
  only(options, OPTIONS, 'options.');
  only(options.reconnection || {}, RECONNECTION, 'options.reconnection.');
  only(options.balancing || {}, BALANCING, 'options.balancing.');
  const run = {
    contactPoints: asked.contact_points,
    port: asked.port || 9042,
    translate: asked.translate || {},
    hosts: asked.hosts,
    protocol: asked.protocol || 4,
    options,
    load: asked.load,
    durationNs: asked.duration_ns,
    sampleEveryNs: asked.sample_every_ns || 20e6,
    issueGapNs: asked.issue_gap_ns || 0,
    out: asked.out,
    query: asked.query || QUERY,
  };
  if (![3, 4].includes(run.protocol)) {
    throw new BadRun(`protocol must be 3 or 4, not ${run.protocol}`);
  }
  if (!fs.existsSync(run.out)) {
    throw new BadRun(`out: there is no folder ${run.out}`);
  }
  if (!(run.durationNs > 0) || !(run.sampleEveryNs > 0) || !(run.issueGapNs >= 0)) {
    throw new BadRun('duration_ns and sample_every_ns must be above 0, issue_gap_ns not below');
  }
  checkLoad(run.load);
  return run;
}

function checkLoad(load) {
  if (load.kind === 'open') {
    only(load, new Set(['kind', 'intended_ns']), 'load.');
  } else if (load.kind === 'closed') {
    only(load, new Set(['kind', 'phases', 'error_pause_ns']), 'load.');
    let before = -1;
    for (const [instant, window] of load.phases || [[-1, 0]]) {
      if (instant <= before || window < 0) {
        throw new BadRun('load.phases: times must rise from 0 and windows not be below 0');
      }
      before = instant;
    }
  } else {
    throw new BadRun(`load.kind must be open or closed, not ${JSON.stringify(load.kind)}`);
  }
}

/** The instants of an open load, in ns from the start; raises BadRun. */
function intended(load) {
  let bytes;
  try {
    bytes = fs.readFileSync(load.intended_ns);
  } catch (error) {
    throw new BadRun(`load.intended_ns: ${load.intended_ns}: ${error.message}`);
  }
  if (bytes.length % 8 !== 0) {
    throw new BadRun(`load.intended_ns: ${load.intended_ns} is none of 64-bit integers`);
  }
  const times = new Float64Array(bytes.length / 8);
  for (let i = 0; i < times.length; i++) {
    times[i] = Number(bytes.readBigInt64LE(8 * i));
    if (i > 0 && times[i] < times[i - 1]) {
      throw new BadRun(`load.intended_ns: the times in ${load.intended_ns} do not rise`);
    }
  }
  return times;
}

function only(entry, known, path) {
  for (const key of Object.keys(entry)) {
    if (!known.has(key)) {
      throw new BadRun(`${path}${key} is not known here; known: ${[...known].sort().join(', ')}`);
    }
  }
}

module.exports = { BadRun, intended, read };
