'use strict';
// The driver of a run: a client as asked for, and samples of its pools.

const { Client, errors, policies } = require('cassandra-driver');
const { at, now } = require('./clock');
const { BadRun } = require('./run_file');

const { addressResolution, loadBalancing, reconnection, retry } = policies;

class Translator extends addressResolution.AddressTranslator {
  constructor(translate) {
    super();
    this.known = translate;
  }

  translate(address, port, callback) {
    callback(`${this.known[address] || address}:${port}`);
  }
}

/** A connected client; raises BadRun where no node answers or an option makes no sense. */
async function connect(run, noted) {
  const options = run.options;
  const datacenter = await datacenterOf(run);
  noted.lookOn();
  const client = new Client({
    contactPoints: run.contactPoints.map(address => `${address}:${run.port}`),
    localDataCenter: datacenter,
    keyspace: options.keyspace || undefined,
    protocolOptions: { port: run.port, maxVersion: run.protocol },
    pooling: {
      coreConnectionsPerHost: { 0: options.core === undefined ? 1 : options.core },
      maxRequestsPerConnection: options.max_requests || 2048,
      heartBeatInterval: 1000 * (options.heartbeat_interval_s === undefined ?
        30 : options.heartbeat_interval_s),
      warmup: options.warmup !== false,
    },
    socketOptions: {
      tcpNoDelay: options.tcp_nodelay !== false,
      connectTimeout: options.connect_timeout_ms || 5000,
      readTimeout: options.read_timeout_ms === undefined ? 12000 : options.read_timeout_ms,
      defunctReadTimeoutThreshold: options.defunct_read_timeout_threshold === undefined ?
        64 : options.defunct_read_timeout_threshold,
    },
    policies: {
      addressResolution: new Translator(run.translate),
      loadBalancing: balancing(options.balancing || {}),
      reconnection: schedule(options.reconnection || {}),
      retry: retries(options.retry || 'default'),
    },
    queryOptions: { isIdempotent: Boolean(options.idempotent) },
    isMetadataSyncEnabled: false,
    monitorReporting: { enabled: false },
  });
  try {
    await client.connect();
  } catch (error) {
    if (error instanceof errors.NoHostAvailableError) {
      throw new BadRun(`no node answers: ${error.message}`);
    }
    throw error;
  }
  noted.listenTo(client);
  noted.isRunning = true;
  return client;
}

/** The datacenter's name, which the client must be told: asked for over a client of its own. */
async function datacenterOf(run) {
  const asking = new Client({
    contactPoints: run.contactPoints.map(address => `${address}:${run.port}`),
    protocolOptions: { port: run.port, maxVersion: run.protocol },
    policies: {
      addressResolution: new Translator(run.translate),
      loadBalancing: new loadBalancing.RoundRobinPolicy(),
    },
    isMetadataSyncEnabled: false,
    monitorReporting: { enabled: false },
  });
  try {
    await asking.connect();
    return asking.hosts.values()[0].datacenter;
  } catch (error) {
    throw new BadRun(`no node answers: ${error.message}`);
  } finally {
    await asking.shutdown().catch(() => {});
  }
}

function balancing(options) {
  const name = options.policy || 'default';
  if (name === 'default') {
    return new loadBalancing.DefaultLoadBalancingPolicy();
  }
  const made = {
    round_robin: () => new loadBalancing.RoundRobinPolicy(),
    dc_aware_round_robin: () => new loadBalancing.DCAwareRoundRobinPolicy(),
  }[name];
  if (made === undefined) {
    throw new BadRun(`options.balancing.policy: ${JSON.stringify(name)} is not known`);
  }
  if (options.used_hosts_per_remote_dc) {
    throw new BadRun('options.balancing.used_hosts_per_remote_dc: no policy of the driver has it');
  }
  return options.token_aware === false ? made() : new loadBalancing.TokenAwarePolicy(made());
}

function retries(name) {
  if (name === 'default') {
    return new retry.RetryPolicy();
  }
  if (name === 'fallthrough') {
    return new retry.FallthroughRetryPolicy();
  }
  throw new BadRun(`options.retry must be default or fallthrough, not ${JSON.stringify(name)}`);
}

function schedule(options) {
  const base = options.base_ms || 1000;
  if ((options.kind || 'exponential') === 'constant') {
    return new reconnection.ConstantReconnectionPolicy(base);
  }
  return new reconnection.ExponentialReconnectionPolicy(base, options.max_ms || 600000,
    Boolean(options.start_with_no_delay));
}

/** Samples every host's pool at even times. */
class Timeline {
  constructor(run, client, noted, startNs) {
    this.run = run;
    this.client = client;
    this.noted = noted;
    this.startNs = startNs;
    this.rows = [];
    this.taken = 0;
    this.last = Math.floor(run.durationNs / run.sampleEveryNs);
  }

  /** Take samples until the run's end. */
  start() {
    at(this.startNs + this.taken * this.run.sampleEveryNs, () => {
      this.take();
      if (this.taken++ < this.last) {
        this.start();
      }
    });
  }

  take() {
    const instant = now();
    const rows = this.noted.abandoned.map(pools => this.of(null, pools));
    for (const host of this.client.hosts.values()) {
      const number = this.noted.numbers.of(host.address);
      if (number >= 0) {
        rows[number] = this.of(host.pool, this.noted.abandoned[number]);
      }
    }
    rows.forEach((row, number) => this.rows.push([instant, number, ...row]));
  }

  of(pool, abandoned) {
    const connections = pool === null ? [] : pool.connections;
    const trash = abandoned.flatMap(one => one.connections);
    const all = [...connections, ...trash];
    return [
      connections.length,
      trash.length,
      all.reduce((sum, c) => sum + c.getInFlight(), 0),
      all.reduce((sum, c) => sum + c._pendingWrites.length, 0),
      pool !== null && pool._opening ? 1 : 0,
      connections.length,
    ];
  }

  text() {
    const rows = this.rows.map(([instant, ...row]) => `${instant - this.startNs},${row.join(',')}\n`);
    return `at_ns,host,open,trashed,in_flight,pending,creating,opened\n${rows.join('')}`;
  }
}

module.exports = { Timeline, connect };
