import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { listen } from '../ports.ts';

/** Consecutive ports that were free a moment ago, below those that systems give out by themselves. */
export async function freePortsInARow(count: number): Promise<readonly number[]> {
  for (let attempt = 1; attempt <= 50; attempt += 1) {
    const first = randomInt(10_000, 32_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
  throw new Error(`no ${count} free ports in a row`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await listen(probe, port);
  } catch {
    return false;
  }
  await new Promise((resolve) => probe.close(resolve));
  return true;
}
