'use strict';
// One pool of the real driver, driven operation by operation.
//
// The pool's host is the listener of a proxy; the control connection goes to a node directly, so that
// what befalls the pool's host befalls nothing else. Requests are made by `client.execute` with that
// host alone: they borrow, send, time out and give back as in life, and the proxy keeps each
// response until the recorder asks for it. The driver's timers go off when the recorder says so.

const { DrivenTimers, real } = require('./driven_timers');

const timers = new DrivenTimers();
timers.install();

const { Client, policies, types } = require('cassandra-driver');
const { Host } = require('cassandra-driver/lib/host');
const requests = require('cassandra-driver/lib/requests');

const QUERY = "SELECT key FROM system.local WHERE key='local'";
const PATIENCE_MS = 20000;
/** A held handshake must not time out while the recorder does something else. */
const CONNECT_TIMEOUT_MS = 60000;
const READ_TIMEOUT_MS = 12000;

/** The driver did not come to rest. */
class Stuck extends Error {}

/** The walked host has the distance that the walk asks for, the control connection's the other. */
class ToOneHost extends policies.loadBalancing.LoadBalancingPolicy {
  constructor(address, distance) {
    super();
    this.address = address;
    this.distance = distance;
  }

  getDistance(host) {
    const { local, remote } = types.distance;
    return host.address === this.address ? this.distance : local + remote - this.distance;
  }
}

/** What the recorder keeps of a request. */
class Request {
  constructor(number) {
    this.number = number;
    this.connection = null;
    this.operation = null;
    this.wasWritten = false;
    this.timedOut = false;
    this.settled = false;
    this.error = null;
  }

  get isWritten() {
    return this.operation !== null && this.operation.streamId >= 0;
  }
}

/** A pool, ready, and everything that an operation needs to know of it. */
class RealPool {
  constructor(settings, proxy) {
    this.settings = settings;
    this.proxy = proxy;
    this.timers = timers;
    this.requests = new Map();
    this.names = new Map();
    this.held = false;
    this.issuing = null;
    this.made = [];
  }

  /** Connect, and give the client one more host. */
  async connect() {
    const settings = this.settings;
    await this.proxy.do('hold_connects', { listen: settings.listen, value: false });
    await this.proxy.do('hold_responses', { listen: settings.listen, value: true });
    Math.random = () => settings.chance;
    const distance = types.distance[settings.distance];
    this.client = new Client({
      contactPoints: [settings.node],
      protocolOptions: { maxVersion: settings.wireProtocol },
      pooling: {
        coreConnectionsPerHost: { [distance]: settings.core },
        maxRequestsPerConnection: settings.maxRequests,
        heartBeatInterval: 30000,
        warmup: settings.warmup,
      },
      socketOptions: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        readTimeout: READ_TIMEOUT_MS,
        defunctReadTimeoutThreshold: settings.defunctThreshold,
      },
      policies: {
        loadBalancing: new ToOneHost(settings.listen, distance),
        reconnection: reconnection(settings.reconnection),
      },
      isMetadataSyncEnabled: false,
      monitorReporting: { enabled: false },
    });
    await this.client.connect();
    this.host = new Host(settings.listen, settings.wireProtocol, this.client.options,
      this.client.metadata);
    this.pool = this.host.pool;
    this.observe();
    this.client.hosts.set(settings.listen, this.host);
    await this.warmUp();
  }

  /** `Client._warmup` for the one host. */
  async warmUp() {
    const distance = this.client.profileManager.getDistance(this.host);
    if (this.settings.warmup && distance === types.distance.local) {
      await this.host.warmupPool(undefined);
    } else {
      this.host.initializePool();
    }
    await this.settle();
  }

  /** Look on as the driver borrows, sends and makes connections; decide nothing. */
  observe() {
    const recorder = this;
    const borrow = this.host.borrowConnection;
    this.host.borrowConnection = function borrowConnection(previous) {
      const connection = borrow.call(this, previous);
      if (recorder.issuing !== null) {
        recorder.issuing.connection = connection;
      }
      return connection;
    };
    const create = this.pool._createConnection;
    this.pool._createConnection = function createConnection() {
      const connection = create.call(this);
      recorder.limitStreams(connection);
      recorder.made.push(connection);
      const send = connection.sendStream;
      connection.sendStream = function sendStream(request, options, callback) {
        const operation = send.call(this, request, options, callback);
        if (recorder.issuing !== null && recorder.issuing.connection === this &&
            options !== null && recorder.issuing.operation === null) {
          recorder.issuing.operation = operation;
        }
        return operation;
      };
      return connection;
    };
  }

  /** A connection with fewer stream ids than the protocol has: its first group is all there is. */
  limitStreams(connection) {
    const ids = connection._streamIds;
    if (this.settings.streams < 32768) {
      ids.maxGroups = 1;
      ids.currentGroup.length = this.settings.streams;
    }
  }

  // Coming to rest --------------------------------------------------------------------------------

  /** Wait until something is so; the driver is about to do it. */
  async until(reached, what) {
    const end = Date.now() + PATIENCE_MS;
    while (!reached()) {
      if (Date.now() > end) {
        throw new Stuck(`waited in vain for ${what}`);
      }
      await turn();
    }
  }

  isStill() {
    const opening = this.pool._opening && !this.held;
    const asking = this.made.some(c => c.connected && c.sendingIdleQuery && !waits(c));
    const closing = this.made.some(c => c.wasReady && !c.connected && !c.netClient.destroyed);
    return !opening && !asking && !closing;
  }

  /** Let the driver do everything that it can do. */
  async settle() {
    await turn();
    await turn();
    await this.until(() => {
      for (const connection of this.made) {
        connection.wasReady = connection.wasReady || connection.connected;
      }
      return this.isStill();
    }, 'the driver to come to rest');
    if (this.held && this.pool._opening) {
      await this.untilHeld();
    }
    await turn();
    this.made = this.made.filter(c => !c.netClient.destroyed);
  }

  async untilHeld() {
    const end = Date.now() + PATIENCE_MS;
    while ((await this.proxy.do('held', { listen: this.settings.listen })).held !== 1) {
      if (Date.now() > end) {
        throw new Stuck('waited in vain for the proxy to hold the handshake');
      }
    }
  }

  // Operations ------------------------------------------------------------------------------------

  /** A request asks for a connection; afterwards it is sent, waits for a stream id, or failed. */
  async borrow(number) {
    const request = new Request(number);
    this.requests.set(number, request);
    this.issuing = request;
    this.client.execute(QUERY, [], { host: this.host, prepare: false })
      .then(() => { request.settled = true; })
      .catch(error => {
        request.settled = true;
        request.error = error;
      });
    await this.until(() => request.operation !== null || request.settled, 'a borrow');
    this.issuing = null;
    await this.settle();
    return request;
  }

  /** The response of a request in flight arrives. */
  async release(request) {
    this.requests.delete(request.number);
    await this.letResponseGo(request);
    await this.until(() => request.settled, 'a response');
    await this.settle();
  }

  /** The request's own timeout passes. */
  async timeOut(request) {
    request.timedOut = true;
    request.operation._timeout.fire();
    await this.until(() => request.settled, 'a timeout');
    await this.settle();
  }

  /** The response of a request that has timed out arrives. */
  async lateResponse(request) {
    this.requests.delete(request.number);
    const { connection, operation } = request;
    const stream = operation.streamId;
    await this.letResponseGo(request);
    await this.until(() => connection._operations.get(stream) !== operation, 'a late response');
    await this.settle();
  }

  letResponseGo(request) {
    return this.proxy.do('release_response', {
      listen: this.settings.listen,
      client_port: request.connection.netClient.localPort,
      stream: request.operation.streamId,
    });
  }

  /** A connection breaks. */
  async lose(connection) {
    await this.proxy.do('cut', {
      listen: this.settings.listen,
      client_port: connection.netClient.localPort,
    });
    await this.until(() => !connection.connected, 'a connection to break');
    await this.settle();
  }

  /** Hold new handshakes, or let the one that is held go. */
  async hold(value) {
    await this.proxy.do('hold_connects', { listen: this.settings.listen, value });
    this.held = value;
    await this.settle();
  }

  /** The held handshake is refused. */
  async refuse() {
    await this.proxy.do('refuse_oldest', { listen: this.settings.listen });
    await this.until(() => !this.pool._opening, 'a refused handshake');
    await this.settle();
  }

  /** When the pool's timer is due, in ms; null: there is none. */
  get nextAttempt() {
    const timer = this.pool._newConnectionTimeout;
    return timer !== null && timer.isAhead ? timer.due : null;
  }

  /** The pool's timer goes off. */
  async attempt() {
    this.pool._newConnectionTimeout.fire();
    await this.settle();
  }

  /** A connection on which nothing was written for long asks. */
  async fallSilent(connection) {
    connection._idleTimeout.fire();
    await this.settle();
  }

  /** It asks, and the time for the answer is over before there is one. */
  async failHeartbeat(connection) {
    if (!waits(connection)) {
      connection._idleTimeout.fire();
    }
    heartbeatOf(connection)._timeout.fire();
    await this.settle();
  }

  /** The server says that the host is up. */
  hearUp() {
    const [address] = this.settings.listen.split(':');
    this.client.controlConnection._nodeStatusChangeHandler({ up: true, inet: { address } });
  }

  /** When what the server said is acted on, in ms; null: nothing was said. */
  get statusDue() {
    const timer = this.client.controlConnection._nodeStatusChangeTimeout;
    return timer !== null && timer.isAhead ? timer.due : null;
  }

  /** It is acted on. */
  async heedUp() {
    this.client.controlConnection._nodeStatusChangeTimeout.fire();
    await this.settle();
  }

  // What there is to see --------------------------------------------------------------------------

  /** A connection's number: they count up in order of first appearance. */
  name(connection) {
    if (!this.names.has(connection)) {
      this.names.set(connection, this.names.size);
    }
    return this.names.get(connection);
  }

  /** Requests that an operation failed or, having waited for a stream id, wrote. */
  takeChanges() {
    const failed = [];
    const granted = [];
    for (const request of this.requests.values()) {
      if (request.settled && request.error !== null && !request.timedOut) {
        failed.push(request);
      } else if (request.isWritten && !request.wasWritten) {
        request.wasWritten = true;
        granted.push(request);
      }
    }
    for (const request of failed) {
      this.requests.delete(request.number);
    }
    for (const request of [...this.requests.values()]) {
      const isGone = request.connection !== null && !request.connection.connected;
      if (request.timedOut && (isGone || !request.isWritten)) {
        this.requests.delete(request.number);
      }
    }
    return { failed, granted };
  }

  /** The pool's state in the words of a decision trace. */
  state() {
    const connections = this.pool.connections;
    connections.forEach(c => this.name(c));
    return {
      open: connections.length,
      creating: this.pool._opening ? 1 : 0,
      in_flight: connections.reduce((sum, c) => sum + c.getInFlight(), 0),
      pending: connections.reduce((sum, c) => sum + c._pendingWrites.length, 0),
      connections: connections.map(c => [this.name(c), c.getInFlight()]),
      timed_out: connections.map(c => c.timedOutOperations),
      up: this.host.isUp(),
      next_attempt_ms: this.nextAttempt,
      status_ms: this.statusDue,
    };
  }

  /** End the client. */
  async close() {
    if (this.held) {
      await this.hold(false);
    }
    this.client.shutdown().catch(() => {});
  }
}

/** Whether a connection's heartbeat waits for a stream id. */
function waits(connection) {
  return connection.sendingIdleQuery && connection._pendingWrites.some(isHeartbeat);
}

function isHeartbeat(operation) {
  return operation.request === requests.options && operation.canBeWritten();
}

/** The operation of a connection's heartbeat, in the write queue, written or waiting. */
function heartbeatOf(connection) {
  const queued = connection.writeQueue.queue.map(item => item.operation);
  const written = [...connection._operations.values()];
  return [...queued, ...written, ...connection._pendingWrites].find(isHeartbeat);
}

function reconnection({ kind, base_ms: base, max_ms: most, start_with_no_delay: noDelay }) {
  if (kind === 'constant') {
    return new policies.reconnection.ConstantReconnectionPolicy(base);
  }
  return new policies.reconnection.ExponentialReconnectionPolicy(base, most, noDelay);
}

/** One turn of the event loop: timers, sockets, and what was to follow at once. */
function turn() {
  return new Promise(resolve => real.setImmediate(resolve));
}

module.exports = { RealPool, Stuck, waits };
