import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Window } from '../../shared/remote/window.ts';

function grown(window: Window, latencies: readonly number[]): number {
  for (const latency of latencies) window.answered(latency);
  return window.size;
}

const times = (count: number, latency: number) => Array.from({ length: count }, () => latency);

describe('the number of directories in flight', () => {
  it('grows with each answer up to the most', () => {
    assert.equal(grown(new Window({ first: 8, max: 64, byLatency: true }), times(10, 45)), 18);
    assert.equal(grown(new Window({ first: 8, max: 64, byLatency: true }), times(1_000, 45)), 64);
  });

  it('grows no more once answers are twice as late as they can be, and shrinks when they are later still', () => {
    const window = new Window({ first: 8, max: 256, byLatency: true });
    assert.equal(grown(window, times(20, 50)), 28);
    assert.equal(grown(window, times(20, 150)), 28);
    assert.equal(grown(window, times(5, 300)), 23);
    assert.equal(grown(window, times(100, 300)), 8);
    assert.equal(grown(window, times(10, 60)), 18);
  });

  it('does not take the milliseconds of our own work for a slow server', () => {
    assert.equal(grown(new Window({ first: 8, max: 64, byLatency: true }), [0.1, ...times(9, 4)]), 18);
  });

  it('asks no clock where it is not told to', () => {
    assert.equal(grown(new Window({ first: 4, max: 8 }), [1, 1_000, 1_000, 1_000, 1_000]), 8);
  });

  it('grows no more while enough is on its way, whatever came before', () => {
    let enough = true;
    const window = new Window({ first: 4, max: 64, isEnough: () => enough });
    assert.equal(grown(window, times(10, 45)), 4);
    enough = false;
    assert.equal(grown(window, times(10, 45)), 14);
    enough = true;
    assert.equal(grown(window, times(10, 45)), 14);
  });

  it('stays at half of what was refused', () => {
    const window = new Window({ first: 8, max: 64, byLatency: true });
    grown(window, times(32, 10));
    window.halve();
    assert.equal(grown(window, times(100, 10)), 20);
    for (let count = 0; count < 10; count += 1) window.halve();
    assert.equal(grown(window, times(10, 10_000)), 1);
  });
});
