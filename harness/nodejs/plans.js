'use strict';
// Records plans of the Node.js driver's default load balancing, one JSON line each.
//
// Usage: plans.js COUNT SEED
//
// The policy is the real one; the hosts are stand-ins whose state is drawn, and so are the numbers
// that the policy gets from Math.random. A line: {"replicas": how many, "hosts": [{"up", "in_flight",
// "answers", "up_for_ms"}, ...] (null: never was down), "randoms": [...], "plan": [host, ...]}.

const { policies } = require('cassandra-driver');
const { Random } = require('./random');

const DATACENTER = 'dc1';

class StandIn {
  constructor(number, random, now) {
    this.number = number;
    this.datacenter = DATACENTER;
    this.up = random.next() < 0.85;
    this.inFlight = random.of([0, 1, 3, 9, 10, 11, 30]);
    this.answers = random.of([0, 0, 1, 2, 40]);
    this.upFor = random.next() < 0.7 ? null : random.of([5, 30000, 59990, 60010, 90000]);
    this.isUpSince = this.upFor === null ? null : now - this.upFor;
  }

  isUp() { return this.up; }

  getInFlight() { return this.inFlight; }

  getResponseCount() { return this.answers; }

  get state() {
    return {
      up: this.up, in_flight: this.inFlight, answers: this.answers, up_for_ms: this.upFor,
    };
  }
}

/** One plan over hosts whose state is drawn. */
function plan(random) {
  const now = 1e12;
  Date.now = () => now;
  const count = 1 + random.below(6);
  const hosts = Array.from({ length: count }, (_, number) => new StandIn(number, random, now));
  const since = hosts.map(host => host.isUpSince).filter(at => at !== null);
  if (new Set(since).size < since.length) {
    return null; // two that came back in one millisecond: which one is later is not asked
  }
  const replicas = 1 + random.below(Math.min(count, 5));
  const policy = new policies.loadBalancing.DefaultLoadBalancingPolicy(DATACENTER);
  policy._client = { getReplicas: () => hosts.slice(0, replicas) };
  policy._hosts = { values: () => hosts };
  policy._filteredHosts = hosts;
  policy._index = 0;
  const randoms = [];
  Math.random = () => {
    randoms.push(random.next());
    return randoms[randoms.length - 1];
  };
  const options = {
    getRoutingKey: () => Buffer.from('key'),
    getKeyspace: () => 'keyspace',
    getPreferredHost: () => null,
  };
  let found;
  policy.newQueryPlan('keyspace', options, (error, iterable) => {
    found = [...iterable].map(host => host.number);
  });
  return { replicas, hosts: hosts.map(host => host.state), randoms, plan: found };
}

function main([count, seed]) {
  const random = new Random(seed);
  for (let made = 0; made < Number(count);) {
    const one = plan(random);
    if (one !== null) {
      process.stdout.write(`${JSON.stringify(one)}\n`);
      made++;
    }
  }
}

main(process.argv.slice(2));
