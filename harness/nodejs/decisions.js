'use strict';
// Records decisions of the Node.js driver's pools: random walks, one operation at a time.
//
// Usage: decisions.js FILE
//
// FILE is JSON: {"walks": [WALK, ...], "proxy_control": "127.0.0.1:PORT", "out": DIRECTORY,
// "parallel": N, "node": "127.0.0.1:9042", "backend": "127.0.0.1:9042"}. Each WALK is recorded to
// OUT/NAME.jsonl, which appears when it is complete; walks whose file is there are skipped. One JSON
// line is printed per walk: {"walk", "operations", "while_creating", "seconds", "kinds"}, or
// {"walk", "skipped": true}, or {"walk", "error"}; the exit code is 1 if any walk failed.
//
// WALK: {"name", "seed", "operations", "listen": "127.0.5.7:9042", "protocol": 3 or 4, "distance",
// "core", "max_requests", "streams", "defunct_threshold", "warmup", "reconnection", "chance"}. Each
// has a process of its own, because the counter by which connections are chosen is the process's.

const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');

const MOST_PARALLEL = 3;

/** Record one walk in this process; what is to be said of it. */
async function record(walk, plan) {
  const { ProxyControl } = require('./proxy_control');
  const { RealPool } = require('./real_pool');
  const { Walk } = require('./walk');

  const began = Date.now();
  const target = path.join(plan.out, `${walk.name}.jsonl`);
  const part = `${target}.part${process.pid}`;
  const proxy = await ProxyControl.connect(plan.proxy_control);
  await proxy.do('listen', { listen: walk.listen, backend: plan.backend });
  const pool = new RealPool({
    listen: walk.listen,
    node: plan.node,
    wireProtocol: walk.protocol,
    distance: walk.distance,
    core: walk.core,
    maxRequests: walk.max_requests,
    streams: walk.streams,
    defunctThreshold: walk.defunct_threshold,
    warmup: walk.warmup,
    reconnection: walk.reconnection,
    chance: walk.chance,
  }, proxy);
  await pool.connect();
  const recorded = new Walk(pool, walk.seed, part);
  try {
    recorded.writeHeader(walk);
    await recorded.run(walk.operations);
  } catch (error) {
    fs.renameSync(part, target.replace(/jsonl$/, 'failed'));
    throw error;
  } finally {
    recorded.end();
  }
  fs.renameSync(part, target);
  return {
    walk: walk.name,
    operations: recorded.lines,
    while_creating: recorded.whileCreating,
    seconds: (Date.now() - began) / 1000,
    kinds: recorded.counts,
  };
}

/** The process of one walk. */
async function work(text) {
  const plan = JSON.parse(text);
  let status = 0;
  let said;
  try {
    said = await record(plan.walk, plan);
  } catch (error) {
    said = { walk: plan.walk.name, error: `${error.name}: ${error.message}` };
    status = 1;
    if (process.env.POOLSIM_HARNESS_TRACEBACK) {
      process.stderr.write(`${error.stack}\n`);
    }
  }
  fs.writeSync(1, `${JSON.stringify(said)}\n`);
  process.exit(status); // what the driver still has to say is of no interest
}

/** Run one walk in a process of its own; whether it was recorded. */
function inProcess(walk, common) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [__filename, '--walk'],
      { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', text => { said += text; });
    child.on('close', status => {
      const line = said.trim() ||
        JSON.stringify({ walk: walk.name, error: `its process ended (${status})` });
      process.stdout.write(`${line}\n`);
      resolve(status === 0);
    });
    child.stdin.end(JSON.stringify({ ...common, walk }));
  });
}

/** Record all walks, so many at the same time; 1 if any of them failed. */
async function run(plan) {
  const { walks, ...common } = plan;
  fs.mkdirSync(plan.out, { recursive: true });
  const left = [];
  for (const walk of walks) {
    if (fs.existsSync(path.join(plan.out, `${walk.name}.jsonl`))) {
      process.stdout.write(`${JSON.stringify({ walk: walk.name, skipped: true })}\n`);
    } else {
      left.push(walk);
    }
  }
  let status = 0;
  const serve = async () => {
    while (left.length > 0) {
      if (!await inProcess(left.shift(), common)) {
        status = 1;
      }
    }
  };
  const parallel = Math.min(plan.parallel || 1, MOST_PARALLEL);
  await Promise.all(Array.from({ length: parallel }, serve));
  return status;
}

async function main(parameters) {
  if (parameters.length === 1 && parameters[0] === '--walk') {
    await work(fs.readFileSync(0, 'utf8'));
  } else if (parameters.length !== 1) {
    process.stderr.write('usage: decisions.js FILE\n');
    process.exitCode = 2;
  } else {
    process.exitCode = await run(JSON.parse(fs.readFileSync(parameters[0], 'utf8')));
  }
}

main(process.argv.slice(2));
