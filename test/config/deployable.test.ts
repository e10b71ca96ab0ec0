import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deployableConfig } from '../../shared/config/deployable.ts';
import { deployedConfig } from '../../shared/config/deployed.ts';
import { formatProblems, InvalidConfig } from '../../shared/config/problems.ts';

const directory = await mkdtemp(join(tmpdir(), 'farwatch-deployable-'));
after(() => rm(directory, { recursive: true }));

async function deployable(yaml: string, env: NodeJS.ProcessEnv = {}) {
  const file = join(directory, 'farwatch.yaml');
  await writeFile(file, yaml);
  return deployableConfig(file, env);
}

const sound = `
servers:
  a:
    protocol: ftps
    host: ftp.example
    username: acme
    auth: { password: secret:farwatch/a }
    tls: { ca: file:ca.pem }
watches:
  in: { server: a, root: /in, every: 5m, include: ["**/*.csv", { regex: "^x" }] }
outputs:
  - { type: file, path: changes.ndjson }
  - { type: stdout }
`;

test('what functions take along reads as the file does, with certificates in it and no outputs', async () => {
  await writeFile(join(directory, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nMIIB\n');
  const { json, config, warnings } = await deployable(sound, { FARWATCH_SERVERS__A__HOST: 'other.example' });
  const deployed = deployedConfig(json);
  assert.deepEqual(deployed, config);
  const server = deployed.servers.get('a');
  assert.ok(server?.protocol === 'ftps');
  assert.equal(server.host, 'other.example');
  assert.deepEqual(server.tls.ca, { source: 'plain', value: '-----BEGIN CERTIFICATE-----\nMIIB' });
  assert.equal(deployed.watches.get('in')?.scan.workflowFrom, 20_000);
  assert.equal(deployed.watches.get('in')?.scan.taskDirectories, 10_000, 'tasks cost money there');
  assert.doesNotMatch(json, /outputs|changes\.ndjson/);
  assert.match(formatProblems(warnings), /farwatch\.yaml:\d+:\d+ outputs\[0\]: belongs to the local home/);
});

test('credentials that AWS cannot reach and directories of this machine are refused, all at once', async () => {
  const yaml = `
servers:
  here: { protocol: local }
  a: { protocol: sftp, host: a.example, username: u, auth: { password: env:A } }
  b: { protocol: sftp, host: b.example, username: u, auth: { privateKey: file:key, passphrase: secret:b } }
watches:
  in: { server: a, root: /in }
`;
  await assert.rejects(deployable(yaml), (error) => {
    assert.ok(error instanceof InvalidConfig);
    assert.deepEqual(
      error.problems.map(({ line, key }) => [line, key]),
      [
        [3, 'servers.here.protocol'],
        [4, 'servers.a.auth.password'],
        [5, 'servers.b.auth.privateKey'],
      ],
    );
    assert.match(error.message, /store it there and write secret:NAME/);
    return true;
  });
});

test('a pace that the planner does not keep is said', async () => {
  const { warnings } = await deployable(sound.replace('every: 5m', 'every: 30s'));
  assert.match(formatProblems(warnings), /watches\.in\.every: on AWS the planner looks once a minute/);
});
