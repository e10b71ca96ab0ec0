import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../shared/config/load.ts';
import { formatProblems, InvalidConfig } from '../../shared/config/problems.ts';

const text = `
x-shared: &shared { confirm: 2 }
servers:
  partner-a: { protocol: sftp, host: h, username: u, auth: { password: env:FARWATCH_PASSWORD } }
  here: { protocol: local }
watches:
  in.box: { server: partner-a, root: /, deletes: *shared, scale: large }
  out: { server: here, root: ., deletes: *shared }
outputs:
  - { type: webhook, url: env:HOOK, headers: { X-Token: env:HOOK_TOKEN } }
`;

function load(env: NodeJS.ProcessEnv) {
  return parseConfig(text, '/srv/f', env).config;
}

function problemsOf(env: NodeJS.ProcessEnv): string {
  try {
    load(env);
  } catch (error) {
    assert.ok(error instanceof InvalidConfig, String(error));
    return formatProblems(error.problems);
  }
  return '';
}

test('variables set keys, whatever the capitals, dashes, dots and underscores', () => {
  const { servers, watches, outputs, retentionMs } = load({
    FARWATCH_SERVERS__PARTNER_A__HOST: 'other.example',
    FARWATCH_SERVERS__PARTNER_A__PORT: '2222',
    FARWATCH_SERVERS__PARTNER_A__CONNECTTIMEOUT: '1s',
    FARWATCH_SERVERS__PARTNER_A__RESPONSE_TIMEOUT: '2s',
    FARWATCH_SERVERS__PARTNER_A__AUTH__PASSWORD: 'plain:a #b: c',
    FARWATCH_WATCHES__IN_BOX__MOVES: 'false',
    FARWATCH_WATCHES__IN_BOX__INCLUDE: '["*.csv", "*.xml"]',
    FARWATCH_WATCHES__out__maxDepth: '2',
    FARWATCH_OUTPUTS__0__HEADERS__X_TOKEN: 'env:OTHER',
    FARWATCH_RETENTION: '2h',
  });
  assert.partialDeepStrictEqual(servers.get('partner-a'), {
    host: 'other.example',
    port: 2222,
    connectTimeoutMs: 1000,
    responseTimeoutMs: 2000,
    auth: { password: { source: 'plain', value: 'a #b: c' } },
  });
  assert.equal(watches.get('in.box')?.moves, false);
  assert.deepEqual(
    watches.get('in.box')?.selection.include.map(({ pattern }) => pattern),
    ['*.csv', '*.xml'],
  );
  assert.equal(watches.get('out')?.selection.maxDepth, 2);
  assert.partialDeepStrictEqual(outputs, [{ headers: { 'X-Token': { source: 'env', value: 'OTHER' } } }]);
  assert.equal(retentionMs, 7_200_000);
});

test('one watch is overridden, not what an alias shares with it; missing maps are made', () => {
  const { watches } = load({
    FARWATCH_WATCHES__IN_BOX__DELETES__CONFIRM: '5',
    FARWATCH_DEFAULTS__DELETES__MIN_COUNT: '7',
  });
  assert.deepEqual(watches.get('in.box')?.deletes, { confirm: 5, maxPercent: 20, minCount: 7 });
  assert.deepEqual(watches.get('out')?.deletes, { confirm: 2, maxPercent: 20, minCount: 7 });
});

test('reserved variables, and those that hold a secret, are no overrides', () => {
  const reserved = {
    FARWATCH_CONFIG: 'x',
    FARWATCH_STATE: 'x',
    FARWATCH_LOG_LEVEL: 'x',
    FARWATCH_TEST_X: 'x',
  };
  assert.equal(problemsOf({ ...reserved, FARWATCH_PASSWORD: 'x', FARWATCHFUL: 'x', OTHER: 'x' }), '');
  assert.equal(
    problemsOf({ FARWATCH_OUTPUTS__0__URL: 'env:FARWATCH_URL', FARWATCH_URL: 'https://h/' }),
    '',
    'a secret that an override names',
  );
});

const cases: readonly (readonly [variable: string, value: string, expected: string])[] = [
  [
    'FARWATCH_HOST',
    'x',
    'environment FARWATCH_HOST: nothing here is called HOST; expected one of servers, watches, outputs, defaults, retention',
  ],
  [
    'FARWATCH_SERVERS__PARTNER_A__HOTS',
    'x',
    'environment FARWATCH_SERVERS__PARTNER_A__HOTS servers.partner-a: nothing here is called HOTS; did you mean "host"?',
  ],
  [
    'FARWATCH_SERVERS__HERE__USERNAME',
    'x',
    'environment FARWATCH_SERVERS__HERE__USERNAME servers.here: nothing here is called USERNAME; expected one of protocol, connections, connectTimeout, responseTimeout, idleTimeout',
  ],
  [
    'FARWATCH_WATCHES__NEW__ROOT',
    '/',
    'environment FARWATCH_WATCHES__NEW__ROOT watches: nothing here is called NEW; expected one of in.box, out',
  ],
  [
    'FARWATCH_WATCHES__OUT__EVERY',
    '5',
    'environment FARWATCH_WATCHES__OUT__EVERY watches.out.every: a duration needs a unit; write 5s for seconds or 5m for minutes',
  ],
  [
    'FARWATCH_WATCHES__OUT__MAXDEPTH',
    '',
    'environment FARWATCH_WATCHES__OUT__MAXDEPTH watches.out.maxDepth: this is text; expected a number',
  ],
  [
    'FARWATCH_WATCHES__OUT__SERVER',
    'partner-b',
    'environment FARWATCH_WATCHES__OUT__SERVER watches.out.server: no server has this name; did you mean "partner-a"?',
  ],
  [
    'FARWATCH_WATCHES__IN_BOX__SCALE__IN_FLIGHT',
    '5',
    'environment FARWATCH_WATCHES__IN_BOX__SCALE__IN_FLIGHT watches.in.box.scale: the file has a value here, not a map, so that nothing below it can be set',
  ],
  [
    'FARWATCH_OUTPUTS__1__URL',
    'env:U',
    'environment FARWATCH_OUTPUTS__1__URL outputs: no item 1; expected a number from 0 to 0',
  ],
  [
    'FARWATCH_SERVERS__PARTNER_A__AUTH__PASSWORD',
    'hunter2',
    'environment FARWATCH_SERVERS__PARTNER_A__AUTH__PASSWORD servers.partner-a.auth.password: a secret is never written here itself; write env:NAME (an environment variable), file:PATH, secret:NAME or, in the clear against all advice, plain:VALUE',
  ],
];

for (const [variable, value, expected] of cases) {
  test(`problem: ${variable}=${value}`, () => assert.equal(problemsOf({ [variable]: value }), expected));
}

test('a variable that fits two names is ambiguous', () => {
  const twins = 'servers: { a-b: { protocol: local }, a.b: { protocol: local } }';
  assert.throws(() => parseConfig(twins, 'f', { FARWATCH_SERVERS__A_B__CONNECTIONS: '2' }), {
    message:
      'the configuration cannot be used:\nenvironment FARWATCH_SERVERS__A_B__CONNECTIONS servers: ambiguous: A_B may be a-b or a.b',
  });
});

test('no variable and no value crashes', () => {
  const part = fc.constantFrom(
    'SERVERS',
    'WATCHES',
    'OUT',
    'PARTNER_A',
    'OUTPUTS',
    '0',
    'HEADERS',
    'AUTH',
    'SCALE',
    '',
    '_',
  );
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom(
      '*a',
      '&a b',
      '!x y',
      '{a: 1',
      '[',
      '|',
      '"',
      '- a',
      '? a',
      'null',
      '[&a 1, *a]',
      '{{a: 1}: 2}',
    ),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), value, (parts, given) => {
      const problems = problemsOf({ [`FARWATCH_${parts.join('__')}`]: given });
      assert.match(problems, /^environment FARWATCH_/);
    }),
    { numRuns: 500 },
  );
});
