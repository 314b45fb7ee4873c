'use strict';
// The control port of the harness's proxy: one JSON line each way per command.

const net = require('net');

/** A connection to a proxy's control port. */
class ProxyControl {
  constructor(socket) {
    this.socket = socket;
    this.unread = '';
    this.waiting = [];
    socket.setNoDelay(true);
    socket.setEncoding('utf8');
    socket.on('data', text => this.take(text));
    socket.on('close', () => this.fail(new Error('the proxy closed its control connection')));
    socket.on('error', error => this.fail(error));
  }

  /** Connect to `host:port`. */
  static connect(address) {
    const place = address.lastIndexOf(':');
    const socket = net.connect(Number(address.slice(place + 1)), address.slice(0, place));
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new ProxyControl(socket));
      });
    });
  }

  /** Give a command; the reply, or an error with the proxy's own words. */
  do(command, keys) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ command, resolve, reject });
      this.socket.write(`${JSON.stringify({ do: command, ...keys })}\n`);
    });
  }

  take(text) {
    const lines = (this.unread + text).split('\n');
    this.unread = lines.pop();
    for (const line of lines) {
      const { command, resolve, reject } = this.waiting.shift();
      const reply = JSON.parse(line);
      if (reply.ok) {
        resolve(reply);
      } else {
        reject(new Error(`${command}: ${reply.error}`));
      }
    }
  }

  fail(error) {
    for (const { reject } of this.waiting.splice(0)) {
      reject(error);
    }
  }

  close() {
    this.socket.destroy();
  }
}

module.exports = { ProxyControl };
