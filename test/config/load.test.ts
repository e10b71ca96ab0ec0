import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig, parseConfig } from '../../shared/config/load.ts';
import { formatProblems } from '../../shared/config/problems.ts';
import { InvalidInput } from '../../shared/failure.ts';
import { example } from './example.ts';

function parse(text: string) {
  return parseConfig(text, '/srv/farwatch.yaml', {});
}

test('the example is read with every default applied', () => {
  const { config, warnings } = parse(example);
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.servers.get('partner-a'), {
    name: 'partner-a',
    protocol: 'sftp',
    host: 'sftp.partner-a.example',
    port: 22,
    username: 'acme',
    auth: { password: { source: 'env', value: 'PARTNER_A_PASSWORD' } },
    hostKey: 'trust-on-first-use',
    connections: 4,
    connectTimeoutMs: 20_000,
    responseTimeoutMs: 30_000,
    idleTimeoutMs: 60_000,
  });
  assert.deepEqual(config.servers.get('old-ftp'), {
    name: 'old-ftp',
    protocol: 'ftp',
    host: '192.0.2.7',
    port: 21,
    username: 'acme',
    auth: { password: { source: 'secret', value: 'farwatch/old-ftp' } },
    timezone: 'UTC',
    separateTransferHost: false,
    probe: 'auto',
    tls: { verify: true, minVersion: 'TLSv1.2' },
    connections: 4,
    connectTimeoutMs: 20_000,
    responseTimeoutMs: 30_000,
    idleTimeoutMs: 60_000,
  });
  assert.deepEqual(config.watches.get('incoming'), {
    name: 'incoming',
    tenant: 'acme',
    server: 'partner-a',
    root: '/incoming',
    selection: {
      include: [{ type: 'glob', pattern: '**/*.csv' }],
      exclude: [{ type: 'glob', pattern: 'archive/**' }],
      caseSensitive: true,
      hidden: true,
      maxDepth: null,
      minFileSize: null,
      maxFileSize: null,
      kinds: ['file', 'directory'],
    },
    schedule: { every: 300_000 },
    maxStalenessMs: null,
    initial: 'baseline',
    settleMs: 0,
    deletes: { confirm: 1, maxPercent: 20, minCount: 50 },
    moves: true,
    scan: {
      inFlight: 64,
      taskBudgetMs: 45_000,
      taskDirectories: 500,
      deadlineMs: 900_000,
      workflowFrom: 20_000,
    },
  });
  assert.deepEqual(config.outputs, [
    { type: 'stdout', name: 'stdout', notices: false, maxBatch: 100 },
    {
      type: 'webhook',
      name: 'webhook',
      notices: false,
      maxBatch: 100,
      url: { source: 'plain', value: 'https://hooks.example/' },
      headers: { Authorization: { source: 'env', value: 'HOOK_TOKEN' } },
      timeoutMs: 30_000,
    },
  ]);
  assert.equal(config.retentionMs, 30 * 86_400_000);
});

const local = `
servers: { here: { protocol: local } }
`;

test('a watch takes from defaults what it leaves out, nested keys one by one', () => {
  const { config } = parse(`${local}
defaults: { server: here, cron: "0 6 * * 1-5", timezone: Europe/Berlin, deletes: { confirm: 2, minCount: 9 },
            scale: { preset: large, inFlight: 5 }, hidden: false }
watches:
  a: { root: a }
  b: { root: b, every: 90s, deletes: { confirm: 3 }, scale: { deadline: 3h }, hidden: true }
  c: { root: c, scale: small, timezone: UTC }
`);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => config.watches.get(name));
  assert.deepEqual(a?.schedule, { cron: '0 6 * * 1-5', timezone: 'Europe/Berlin' });
  assert.deepEqual(b?.schedule, { every: 90_000 });
  assert.deepEqual(c?.schedule, { cron: '0 6 * * 1-5', timezone: 'UTC' });
  assert.deepEqual(b?.deletes, { confirm: 3, maxPercent: 20, minCount: 9 });
  assert.deepEqual(b?.scan, {
    inFlight: 5,
    taskBudgetMs: 60_000,
    taskDirectories: 2_000,
    deadlineMs: 10_800_000,
    workflowFrom: 20_000,
  });
  assert.equal(c?.scan.taskDirectories, 100);
  assert.deepEqual([a?.selection.hidden, b?.selection.hidden], [false, true]);
});

test('paths are absolute: roots, secrets and output files', () => {
  const { config } = parse(`
servers:
  here: { protocol: local }
  there: { protocol: ftps, host: h, username: u, auth: { password: file:pw }, tls: { ca: file:/etc/ca.pem } }
  key: { protocol: sftp, host: h, username: u, auth: { privateKey: file:keys/id, passphrase: env:P } }
watches:
  a: { server: here, root: ../tree/ }
  b: { server: there, root: "//in//box/" }
  c: { server: there, root: / }
outputs: [{ type: file, path: changes.ndjson }]
`);
  assert.deepEqual(
    [...config.watches.values()].map(({ root }) => root),
    ['/tree', '/in/box', '/'],
  );
  const there = config.servers.get('there');
  assert.ok(there?.protocol === 'ftps');
  assert.deepEqual(there.auth.password, { source: 'file', value: '/srv/pw' });
  assert.deepEqual(there.tls.ca, { source: 'file', value: '/etc/ca.pem' });
  const key = config.servers.get('key');
  assert.ok(key?.protocol === 'sftp');
  assert.deepEqual(key.auth, {
    privateKey: { source: 'file', value: '/srv/keys/id' },
    passphrase: { source: 'env', value: 'P' },
  });
  assert.partialDeepStrictEqual(config.outputs, [{ path: '/srv/changes.ndjson' }]);
});

test('regular expressions, sizes, kinds, depth and former names', () => {
  const { config } = parse(`${local}
watches:
  a:
    server: here
    root: .
    include: [{ regex: "^a+$" }, "!(b|c)"]
    minFileSize: 1KB
    maxFileSize: 5000
    kinds: [files]
    maxDepth: 3
    was: z
`);
  const watch = config.watches.get('a');
  assert.equal(watch?.was, 'z');
  assert.deepEqual(watch?.selection, {
    include: [
      { type: 'regex', pattern: '^a+$' },
      { type: 'glob', pattern: '!(b|c)' },
    ],
    exclude: [],
    caseSensitive: true,
    hidden: true,
    maxDepth: 3,
    minFileSize: 1024,
    maxFileSize: 5000,
    kinds: ['file'],
  });
});

test('outputs are numbered by type, around the names given; standard output is the default', () => {
  const webhook = '{ type: webhook, url: env:U }';
  const names = (outputs: string) => parse(`${local}${outputs}`).config.outputs.map(({ name }) => name);
  assert.deepEqual(
    names(
      `outputs: [${webhook}, { type: stdout }, ${webhook}, { type: stdout, name: webhook-3 }, ${webhook}]`,
    ),
    ['webhook', 'stdout', 'webhook-2', 'webhook-3', 'webhook-4'],
  );
  assert.deepEqual(names(''), ['stdout']);
  assert.deepEqual(names('outputs: []'), []);
});

test('two servers of one account share the lower number of sessions, and a warning says so', () => {
  const { config, warnings } = parse(`servers:
  a: { protocol: ftps, host: H.example, username: u, auth: { password: env:P }, connections: 6 }
  b: { protocol: ftps, host: h.example, username: u, auth: { password: env:P }, port: 21 }
  c: { protocol: ftps, host: h.example, username: v, auth: { password: env:P }, connections: 9 }
watches: { w: { server: a, root: / } }
`);
  assert.deepEqual(
    [...config.servers.values()].map(({ connections }) => connections),
    [4, 4, 9],
  );
  assert.equal(
    formatProblems(warnings),
    '/srv/farwatch.yaml:3:3 servers.b.connections: shares its sessions with server a: the lower number of connections holds for both',
  );
});

test('what should not stay so is a warning at its place', () => {
  const { warnings } = parse(`servers:
  a:
    protocol: ftps
    host: h
    username: u
    auth: { password: plain:hunter2 }
    tls: { verify: false }
outputs:
  - { type: webhook, url: "https://u:hunter2@h/", headers: { Authorization: hunter2, X-Plain: fine } }
`);
  assert.deepEqual(
    warnings.map(({ line, column, key }) => [line, column, key]),
    [
      [1, 1, 'watches'],
      [6, 23, 'servers.a.auth.password'],
      [7, 20, 'servers.a.tls.verify'],
      [9, 27, 'outputs[0].url'],
      [9, 77, 'outputs[0].headers.Authorization'],
    ],
  );
  assert.doesNotMatch(formatProblems(warnings), /hunter2/);
});

test('anchors, merge keys and x- keys are YAML as usual, many times over', () => {
  const watches = Array.from({ length: 300 }, (_, index) => `  w${index}: { <<: *common, root: /${index} }`);
  const { config } = parse(`x-common: &common { server: here, settle: 10s }
${local}
watches:
${watches.join('\n')}
`);
  assert.equal(config.watches.size, 300);
  assert.equal(config.watches.get('w299')?.settleMs, 10_000);
});

test('a file is loaded from disk, and a missing one says what to do', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'farwatch-config-'));
  try {
    const path = join(directory, 'farwatch.yaml');
    await writeFile(path, `${local}watches: { w: { server: here, root: tree } }`);
    const { config } = await loadConfig(path, {});
    assert.equal(config.watches.get('w')?.root, join(directory, 'tree'));
    await assert.rejects(loadConfig(join(directory, 'none.yaml'), {}), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, /none\.yaml cannot be read \(ENOENT\)/);
      assert.match(error.advice ?? '', /farwatch init/);
      return true;
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
