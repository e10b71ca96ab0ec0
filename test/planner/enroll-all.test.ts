import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type Enrolling, enrollAll } from '../../functions/planner/enroll-all.ts';
import type { Config } from '../../shared/config/config.ts';
import { InvalidInput } from '../../shared/failure.ts';
import { type DynamoState, openDynamoState } from '../../shared/state/dynamodb/dynamodb-state.ts';
import { minute, quiet, server } from '../chaos/bench.ts';
import { Crash, mortal } from '../chaos/crash.ts';
import { plainWatch } from '../scanner/watched.ts';
import { type DynamoLocal, dynamoLocalMissing, startDynamoLocal } from '../state/dynamodb-local.ts';

const now = Date.UTC(2026, 10, 21, 1);
const outputs = ['bus', 'queue'];

function configOf(names: readonly string[], was?: string): Config {
  return {
    servers: new Map([[server.name, server]]),
    watches: new Map(
      names.map((name) => [name, { ...plainWatch, name, server: server.name, ...(was && { was }) }]),
    ),
    outputs: [],
    retentionMs: 30 * 86_400_000,
  };
}

describe('a configuration is enrolled', { skip: dynamoLocalMissing() ?? false }, () => {
  let dynamo: DynamoLocal;
  let client: DynamoDBClient;
  let tables = 0;
  before(async () => {
    dynamo = await startDynamoLocal();
    client = dynamo.client();
  });
  after(async () => {
    client.destroy();
    await dynamo.stop();
  });

  async function opened(): Promise<DynamoState> {
    tables += 1;
    const table = `enroll-${tables}`;
    await dynamo.makeTable(table);
    return openDynamoState({ client, table, now: () => now });
  }

  function enrolling(state: DynamoState, names: readonly string[], more: Partial<Enrolling> = {}): Enrolling {
    const configuration = names.join(' ');
    return { config: configOf(names), configuration, outputs, state, log: quiet, ...more };
  }

  async function activeIn(state: DynamoState): Promise<readonly string[]> {
    return (await state.watches()).flatMap(({ key, active }) => (active ? [key] : []));
  }

  // Watches are enrolled before the outputs are registered; setEnrolled comes first.
  it('whenever it is killed, and no watch is known before the outputs are', async () => {
    let crashes = 0;
    for (let call = 1; ; call += 1) {
      const state = await opened();
      await enrollAll(enrolling(state, ['a', 'old']), now);
      await state.registerOutputs(['bus']);
      const dying = mortal(state, { call, after: call % 2 === 0 });
      const died = await enrollAll(enrolling(dying, ['a', 'b', 'c']), now).then(
        () => false,
        (error: unknown) => error instanceof Crash,
      );
      if (!died) break;
      crashes += 1;
      if ((await activeIn(state)).includes('acme/b')) await state.unpublished('queue', { limit: 1 });
      assert.equal(await enrollAll(enrolling(state, ['a', 'b', 'c']), now), true);
      assert.deepEqual(await activeIn(state), ['acme/a', 'acme/b', 'acme/c']);
      await state.unpublished('queue', { limit: 1 });
    }
    assert.ok(crashes >= 6, `${crashes} crashes`);
  });

  it('once: the same one is not looked at again', async () => {
    const state = await opened();
    await enrollAll(enrolling(state, ['a']), now);
    const dying = mortal(state, { call: 2, after: false });
    assert.equal(await enrollAll(enrolling(dying, ['a']), now + minute), true);
  });

  it('and a renamed watch keeps its record, and a removed one rests', async () => {
    const state = await opened();
    await enrollAll(enrolling(state, ['a', 'gone']), now);
    const epoch = (await state.watch('acme/a'))?.epoch;
    const renamed = { config: configOf(['b'], 'a') };
    await enrollAll(enrolling(state, ['b'], renamed), now + 60 * minute);
    assert.deepEqual(await activeIn(state), ['acme/b']);
    assert.equal((await state.watch('acme/b'))?.epoch, epoch);
    assert.equal(await state.watch('acme/a'), undefined);
    assert.deepEqual(await state.due(now + 60 * minute, 10), ['acme/b']);
  });

  it('and an output that is there no more is forgotten', async () => {
    const state = await opened();
    await enrollAll(enrolling(state, ['a']), now);
    await enrollAll(enrolling(state, ['a'], { outputs: ['bus'], configuration: 'a bus' }), now);
    await assert.rejects(state.unpublished('queue', { limit: 1 }), InvalidInput);
  });

  // enrollAll does not look at what its configuration made way for.
  it('and not turned back by the code of before, which may still be invoked for a while', async () => {
    const state = await opened();
    await enrollAll(enrolling(state, ['old']), now);
    const renamed = enrolling(state, ['new'], { config: configOf(['new'], 'old') });
    await enrollAll(renamed, now + minute);
    assert.equal(await enrollAll(enrolling(state, ['old']), now + minute + 1_000), false);
    assert.deepEqual(await activeIn(state), ['acme/new']);
    assert.equal(await state.watch('acme/old'), undefined, 'its whole tree would be told as new');
    assert.equal(await enrollAll(renamed, now + 2 * minute), true);
    // Somebody who goes back to it on purpose has it a little later.
    assert.equal(await enrollAll(enrolling(state, ['old']), now + 4 * minute), true);
    assert.deepEqual(await activeIn(state), ['acme/old']);
  });
});
