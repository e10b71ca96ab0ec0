import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { lambdaSessions } from '../../functions/scanner/lambda-sessions.ts';
import type { SftpServer } from '../../shared/config/config.ts';
import { slotKey } from '../../shared/config/identity.ts';
import { SecretsManager } from '../../shared/config/secrets-manager.ts';
import { InvalidInput, RemoteAuth, RemoteUnavailable } from '../../shared/failure.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import type { State } from '../../shared/state/state.ts';
import { never, quiet } from '../changes/samples.ts';
import { type RotatingServer, startRotatingServer } from '../remote/rotating-server.ts';
import { type FaultyWire, startFaultyWire } from './faulty-wire.ts';
import { type LocalStack, localStackMissing, startLocalStack } from './localstack.ts';

const skip = localStackMissing() ?? false;
const minute = 60_000;

suite('secrets of Secrets Manager', { skip, timeout: 300_000 }, () => {
  let localstack: LocalStack;
  let wire: FaultyWire;
  let admin: SecretsManagerClient;
  let client: SecretsManagerClient;
  let now = Date.UTC(2026, 10, 21);
  let secrets: SecretsManager;
  let number = 0;

  before(async () => {
    localstack = await startLocalStack();
    wire = await startFaultyWire(localstack.endpoint);
    admin = new SecretsManagerClient(localstack.clientConfig);
    client = new SecretsManagerClient({
      ...localstack.clientConfig,
      endpoint: wire.endpoint,
      maxAttempts: 1,
    });
    secrets = new SecretsManager(client, () => now);
  });

  after(async () => {
    admin?.destroy();
    client?.destroy();
    await wire?.close();
    await localstack?.stop();
  });

  async function stored(value?: string | Uint8Array): Promise<string> {
    number += 1;
    const Name = `farwatch/partner-${number}`;
    await admin.send(
      new CreateSecretCommand({
        Name,
        ...(typeof value === 'string' ? { SecretString: value } : value ? { SecretBinary: value } : {}),
      }),
    );
    return Name;
  }

  const put = (SecretId: string, SecretString: string) =>
    admin.send(new PutSecretValueCommand({ SecretId, SecretString }));
  const read = (value: string, newerThan?: number) => secrets.read({ source: 'secret', value }, newerThan);

  async function refusal(name: string): Promise<InvalidInput> {
    const error: unknown = await read(name).then(
      () => assert.fail('was read'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof InvalidInput, String(error));
    assert.ok(error.message.includes(name));
    return error;
  }

  test('a secret is read once in five minutes', async () => {
    const name = await stored('first');
    const before = wire.requests.length;
    assert.equal(await read(name), 'first');
    await put(name, 'second');
    now += 4 * minute;
    assert.equal(await read(name), 'first');
    assert.equal(wire.requests.length, before + 1);
    now += 2 * minute;
    assert.equal(await read(name), 'second');
  });

  test('what a server refused is read again, once for all who ask', async () => {
    const name = await stored('first');
    assert.equal(await read(name), 'first');
    await put(name, 'second');
    now += 1_000;
    const refusedAt = now;
    now += 10;
    assert.equal(await read(name, refusedAt), 'second');
    const before = wire.requests.length;
    assert.equal(await read(name, refusedAt), 'second');
    assert.equal(await read(name), 'second');
    assert.equal(wire.requests.length, before);
  });

  test('text comes without the line break of its file, from a binary secret too', async () => {
    assert.equal(await read(await stored('a b\n c\r\n')), 'a b\n c');
    assert.equal(await read(await stored(Buffer.from('größe\n'))), 'größe');
  });

  test('a secret that is missing, has no value or will be deleted says what to do', async () => {
    assert.match((await refusal('farwatch/nowhere')).advice ?? '', /create-secret --name farwatch\/nowhere/);
    assert.match((await refusal(await stored())).message, /or no value of it/);
    const deleted = await stored('gone');
    await admin.send(new DeleteSecretCommand({ SecretId: deleted }));
    assert.match((await refusal(deleted)).advice ?? '', /restore-secret/);
  });

  test('a secret that is empty or no text says what to do', async () => {
    const empty = await refusal(await stored('\n'));
    assert.match(empty.message, /is empty/);
    assert.match(empty.advice ?? '', /put-secret-value --secret-id farwatch/);
    const binary = await refusal(await stored(Buffer.from([0x30, 0x82, 0xff, 0xfe])));
    assert.match(binary.message, /is binary/);
    assert.match(binary.advice ?? '', /put-secret-value --secret-id farwatch/);
  });

  test('denied is for the operator, unavailable is for another try', async () => {
    const name = await stored('value');
    wire.faults = ['denied'];
    assert.match((await refusal(name)).message, /may not be read/);
    wire.faults = ['unavailable'];
    await assert.rejects(read(name), RemoteUnavailable);
    assert.equal(await read(name), 'value', 'neither is remembered');
  });

  test('references of one machine are told to be moved', async () => {
    for (const source of ['env', 'file'] as const) {
      await assert.rejects(secrets.read({ source, value: 'X' }), InvalidInput);
    }
  });

  test('every value that was read is kept out of the log, rotated ones too', async () => {
    const fresh = new SecretsManager(client, () => now);
    const name = await stored('old value');
    await fresh.read({ source: 'secret', value: name });
    await put(name, 'new value');
    await fresh.read({ source: 'secret', value: name }, now);
    await fresh.read({ source: 'plain', value: 'said openly' });
    assert.deepEqual([...fresh.values()], ['old value', 'new value', 'said openly']);
  });

  suite('sessions of a server whose password is one', () => {
    let server: RotatingServer;
    let state: State;
    let scratch: string;
    let name: string;
    let config: SftpServer;

    before(async () => {
      server = await startRotatingServer('first');
      scratch = await mkdtemp(join(tmpdir(), 'farwatch-secrets-'));
      state = openSqliteState(join(scratch, 'farwatch.db'), { create: true });
      name = await stored('first');
      config = server.config({ source: 'secret', value: name });
    });

    after(async () => {
      await state?.close();
      await server?.stop();
      await rm(scratch, { recursive: true, force: true });
    });

    /** One invocation of a scanner: how many logins it took, and what it threw. */
    async function invocation(): Promise<{ logins: number; error: unknown }> {
      const before = server.logins();
      const clock = () => now;
      const openTasks = () => 1;
      const sessions = lambdaSessions({ state, secrets, log: quiet, clock, holder: 'test', openTasks });
      try {
        const leased = await sessions.open(config, never);
        await leased.release(null);
        return { logins: server.logins() - before, error: undefined };
      } catch (error) {
        return { logins: server.logins() - before, error };
      } finally {
        await sessions.close();
      }
    }

    test('a rotated password is taken up at the second try', async () => {
      assert.deepEqual(await invocation(), { logins: 1, error: undefined });
      await server.rotate('second');
      await put(name, 'second');
      now += 1_000;
      assert.deepEqual(await invocation(), { logins: 2, error: undefined });
      assert.deepEqual(await invocation(), { logins: 1, error: undefined });
    });

    test('a wrong one in its place is tried once, and not by the next invocation', async () => {
      await server.rotate('third');
      await put(name, 'mistyped');
      now += 1_000;
      const refused = await invocation();
      assert.ok(refused.error instanceof RemoteAuth);
      assert.equal(refused.logins, 2, 'the old one and the new one');
      const suspended = await invocation();
      assert.ok(suspended.error instanceof RemoteAuth);
      assert.equal(suspended.logins, 0);
      assert.equal((await state.server(slotKey(config)))?.failures, 1);
    });

    test('corrected, it logs in although logins are suspended', async () => {
      await put(name, 'third');
      now += 6 * minute;
      assert.deepEqual(await invocation(), { logins: 1, error: undefined });
      assert.equal(await state.server(slotKey(config)), undefined);
    });
  });
});
