import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import * as fc from 'fast-check';
import { history } from './history.ts';
import { play, type Tally } from './play.ts';

const runs = Number(process.env['CHAOS_RUNS'] ?? 400);
const seed = Number(process.env['CHAOS_SEED'] ?? 20_261_121);

describe('the engine under any history', () => {
  it('tells a consumer every change, and nothing else', async (t) => {
    const tally: Tally = new Map();
    mock.timers.enable({ apis: ['setTimeout'] });
    // Waits between sessions pass at once.
    let passing = setImmediate(function pass() {
      mock.timers.tick(60_000);
      passing = setImmediate(pass);
    });
    try {
      await fc.assert(
        fc.asyncProperty(history, async (one) => {
          await play(one, tally);
        }),
        { numRuns: runs, seed, endOnFailure: process.env['CHAOS_NO_SHRINK'] !== undefined },
      );
    } finally {
      clearImmediate(passing);
      mock.timers.reset();
    }
    t.diagnostic([...tally].map(([what, times]) => `${what}: ${times}`).join(', '));
    for (const what of [
      'created',
      'modified',
      'deleted',
      'moved',
      'approved',
      'rejected',
      'crash after commit',
    ]) {
      assert.ok((tally.get(what) ?? 0) > 0, `histories reach "${what}"`);
    }
  });
});
