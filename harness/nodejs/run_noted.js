'use strict';
// Notes what the driver does with connections and hosts. It looks on and decides nothing: the
// driver's own methods are called as they are, with a note before or after.

const Connection = require('cassandra-driver/lib/connection');
const HostConnectionPool = require('cassandra-driver/lib/host-connection-pool');
const { Host } = require('cassandra-driver/lib/host');

/** Notes of one client. */
class Noted {
  constructor(numbers, events) {
    this.numbers = numbers;
    this.events = events;
    this.isRunning = false;
    this.counts = new Array(numbers.count).fill(0);
    this.abandoned = new Array(numbers.count).fill(null).map(() => []);
    this.isDown = new Array(numbers.count).fill(false);
  }

  /** From now on, in this process. Before the client connects. */
  lookOn() {
    this.notePools();
    this.noteConnections();
    this.noteHealth();
    this.noteStatus();
  }

  /** Notes which hosts the client takes for up and down, gets and gives up. */
  listenTo(client) {
    client.on('hostUp', host => this.up(this.numbers.of(host.address)));
    client.on('hostDown', host => this.down(host));
    client.on('hostRemove', host => this.abandon(host));
    client.on('hostAdd', host => {
      if (this.isDown[this.numbers.of(host.address)]) {
        this.up(this.numbers.of(host.address));
      }
    });
  }

  up(number) {
    this.isDown[number] = false;
    this.events.add(number, 'host_up');
  }

  down(host) {
    const number = this.numbers.of(host.address);
    this.isDown[number] = true;
    host.tries = 0;
    this.events.add(number, 'host_down');
  }

  /** Another Host takes the place of this one, whose pool goes on without anyone. */
  abandon(host) {
    const number = this.numbers.of(host.address);
    host.pool.isAbandoned = true;
    this.abandoned[number].push(host.pool);
    for (const connection of host.pool.connections) {
      this.events.add(number, 'trashed', connection.noted);
    }
  }

  notePools() {
    const noted = this;
    const create = HostConnectionPool.prototype._createConnection;
    HostConnectionPool.prototype._createConnection = function createConnection() {
      const connection = create.call(this);
      noted.begins(this);
      this.once('open', error => noted.ends(this, connection, error));
      return connection;
    };
    const add = HostConnectionPool.prototype.addExistingConnection;
    HostConnectionPool.prototype.addExistingConnection = function addExistingConnection(connection) {
      add.call(this, connection);
      noted.opened(this, connection);
    };
  }

  noteConnections() {
    const noted = this;
    const close = Connection.prototype.close;
    Connection.prototype.close = function closeConnection(callback) {
      if (this.noted && this.connected) {
        noted.events.add(this.notedHost, 'closed', this.noted);
      }
      return close.call(this, callback);
    };
  }

  noteHealth() {
    const noted = this;
    const check = Host.prototype.checkHealth;
    Host.prototype.checkHealth = function checkHealth(connection) {
      const wasThere = this.pool.connections.includes(connection);
      check.call(this, connection);
      if (wasThere && !this.pool.connections.includes(connection)) {
        const detail = `${connection.noted};timed_out=${connection.timedOutOperations}`;
        noted.events.add(noted.numbers.of(this.address), 'replaced', detail);
      }
    };
  }

  /** The server says that a host is up that the driver holds for down: it tries at once. */
  noteStatus() {
    const noted = this;
    const check = Host.prototype.checkIsUp;
    Host.prototype.checkIsUp = function checkIsUp() {
      if (!this.isUp() && noted.isRunning) {
        noted.events.add(noted.numbers.of(this.address), 'status_up');
        this.isTold = true;
        this.tries = 0;
      }
      check.call(this);
    };
  }

  purpose(pool) {
    if (!this.isRunning) {
      return 'start';
    }
    return pool._host.isUp() || pool.isAbandoned ? 'pool' : 'reconnection';
  }

  /** A handshake of a pool begins. */
  begins(pool) {
    const number = this.numbers.of(pool._address);
    const purpose = this.purpose(pool);
    const isTold = pool._host.isTold;
    pool._host.isTold = false;
    if (purpose === 'reconnection' && !isTold) {
      pool._host.tries = (pool._host.tries || 0) + 1;
      this.events.add(number, 'reconnection_attempt', `attempt=${pool._host.tries}`);
    }
    this.events.add(number, 'connect_started', `purpose=${purpose}`);
  }

  /** It is over. The host has heard of it before and knows what comes next. */
  ends(pool, connection, error) {
    const number = this.numbers.of(pool._address);
    if (!error) {
      this.opened(pool, connection);
      return;
    }
    this.events.add(number, 'connect_failed', `error=${error.code || error.name}`);
    if (!pool._host.isUp() && !pool.isAbandoned && this.isRunning) {
      const detail = `attempt=${pool._host.tries};delay_ms=${pool._host.reconnectionDelay}`;
      this.events.add(number, 'reconnection_failed', detail);
    }
  }

  opened(pool, connection) {
    const number = this.numbers.of(pool._address);
    const port = connection.netClient.localPort;
    connection.notedHost = number;
    connection.noted = `connection=${this.counts[number]++};port=${port}`;
    this.events.add(number, 'opened', connection.noted);
    if (pool.isAbandoned) {
      this.events.add(number, 'trashed', connection.noted);
    }
  }
}

module.exports = { Noted };
