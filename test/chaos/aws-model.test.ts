import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import * as fc from 'fast-check';
import { openDynamoState } from '../../shared/state/dynamodb/dynamodb-state.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { dynamoLocalMissing, startDynamoLocal } from '../state/dynamodb-local.ts';
import { type AwsHistory, awsHistory } from './aws-history.ts';
import { playOnAws } from './aws-play.ts';
import type { Tally } from './play.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? 20_261_121);
const endOnFailure = process.env['CHAOS_NO_SHRINK'] !== undefined;

describe('the functions of a deployment under any history', () => {
  it('tell every output every change, and nothing else', async (t) => {
    const tally: Tally = new Map();
    mock.timers.enable({ apis: ['setTimeout'] });
    // Waits between sessions pass at once.
    let passing = setImmediate(function pass() {
      mock.timers.tick(60_000);
      passing = setImmediate(pass);
    });
    try {
      await fc.assert(
        fc.asyncProperty(awsHistory, async (one) => {
          // The logic of the functions is the same over either state, and this one is quick.
          const state = openSqliteState(':memory:', { create: true });
          await playOnAws(one, state, tally);
          await state.close();
        }),
        { numRuns: Number(process.env['CHAOS_RUNS'] ?? 150), seed, endOnFailure },
      );
    } finally {
      clearImmediate(passing);
      mock.timers.reset();
    }
    t.diagnostic([...tally].map(([what, times]) => `${what}: ${times}`).join(', '));
    const reached = ['created', 'modified', 'deleted', 'moved', 'approved', 'retired', 'workflow'];
    for (const what of [...reached, 'stalled', 'lose', 'repeat', 'tick Crash', 'task Crash', 'task Fenced']) {
      assert.ok((tally.get(what) ?? 0) > 0, `histories reach "${what}"`);
    }
  });

  it('and do so on DynamoDB', { skip: dynamoLocalMissing() ?? false }, async (t) => {
    const dynamo = await startDynamoLocal();
    t.after(() => dynamo.stop());
    const client = dynamo.client();
    t.after(() => client.destroy());
    const tally: Tally = new Map();
    let tables = 0;
    await fc.assert(
      fc.asyncProperty(awsHistory.map(patient), async (one) => {
        tables += 1;
        const table = `history-${tables}`;
        await dynamo.makeTable(table);
        await playOnAws(one, openDynamoState({ client, table }), tally);
      }),
      { numRuns: Number(process.env['CHAOS_DYNAMO_RUNS'] ?? 1), seed, endOnFailure },
    );
    t.diagnostic([...tally].map(([what, times]) => `${what}: ${times}`).join(', '));
  });
});

/** Without lost sessions: trying again takes time here, for a clock that is shared with the client of DynamoDB. */
function patient({ settings, tree, steps }: AwsHistory): AwsHistory {
  return {
    settings,
    tree,
    steps: steps.map((step) =>
      step.type !== 'invoke'
        ? step
        : {
            ...step,
            invocations: step.invocations.map((invocation) =>
              invocation.type !== 'task'
                ? invocation
                : { ...invocation, answers: invocation.answers.filter(({ flaw }) => flaw !== 'session') },
            ),
          },
    ),
  };
}
