import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';
import { networkMissing } from './availability.ts';
import { Network } from './network.ts';

const listener = `
  const { createServer } = require('node:net');
  const echo = (port) => new Promise((done) => createServer((socket) => socket.pipe(socket)).listen(port, '127.0.0.1', done));
  Promise.all([echo(2222), echo(2300)]).then(() => console.log('listening'));`;

const visitor = `
  const { connect } = require('node:net');
  const visit = (port) => new Promise((done) => {
    const began = performance.now();
    const socket = connect(port, '127.0.0.1', () => {
      const connectMs = performance.now() - began;
      const asked = performance.now();
      socket.setNoDelay().write('?');
      socket.once('data', () => { socket.destroy(); done({ connectMs, answerMs: performance.now() - asked }); });
    });
  });
  visit(2222).then(async (first) => console.log(JSON.stringify([first, await visit(2300)])));`;

const visits = z.array(z.object({ connectMs: z.number(), answerMs: z.number() }));

async function visited(network: Network): Promise<z.output<typeof visits>> {
  const [node = '', ...args] = network.onServer([process.execPath, '-e', listener]);
  const server = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(server.stdout, 'data');
    const [program = '', ...words] = network.onClient([process.execPath, '-e', visitor]);
    return visits.parse(JSON.parse((await promisify(execFile)(program, words)).stdout));
  } finally {
    server.kill();
  }
}

const missing = networkMissing() ?? (await refused());

async function refused(): Promise<string | undefined> {
  try {
    await (await Network.open(20)).close();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

for (const roundTripMs of [20, 100]) {
  it(`handshakes and data are ${roundTripMs} ms away`, {
    skip: missing ?? false,
    timeout: 60_000,
  }, async (t) => {
    const network = await Network.open(roundTripMs);
    t.after(() => network.close());
    await network.traffic();
    const seen = await visited(network);
    assert.equal(seen.length, 2);
    for (const { connectMs, answerMs } of seen) {
      assert.ok(connectMs >= roundTripMs, `connected within ${connectMs} ms`);
      assert.ok(answerMs >= roundTripMs, `answered within ${answerMs} ms`);
    }
    const { connections, sessions, packets, bytes } = await network.traffic();
    assert.deepEqual({ connections, sessions }, { connections: 2, sessions: 1 });
    assert.ok(packets >= 12, `${packets} packets`);
    assert.ok(bytes > 40 * packets - 1, `${bytes} bytes`);
    assert.equal((await network.traffic()).packets < packets, true);
  });
}

it('without a delay both ends share a loopback of their own', {
  skip: missing ?? false,
  timeout: 60_000,
}, async (t) => {
  const network = await Network.open(0);
  t.after(() => network.close());
  await network.traffic();
  assert.equal((await visited(network)).length, 2);
  const { connections, sessions } = await network.traffic();
  assert.deepEqual({ connections, sessions }, { connections: 2, sessions: undefined });
});

it('a closed network is gone', { skip: missing ?? false, timeout: 60_000 }, async () => {
  const network = await Network.open(20);
  const namespace = network.onServer([])[1]?.replace('--net=', '') ?? '';
  assert.equal(existsSync(namespace), true);
  await network.close();
  assert.equal(existsSync(namespace), false);
});
