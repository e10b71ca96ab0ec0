import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../shared/config/load.ts';
import { formatProblems, InvalidConfig } from '../../shared/config/problems.ts';
import { example } from './example.ts';

function problemsOf(text: string): string {
  try {
    parseConfig(text, 'f', {});
  } catch (error) {
    assert.ok(error instanceof InvalidConfig, String(error));
    return formatProblems(error.problems);
  }
  return '';
}

const forms =
  'a secret is never written here itself; write env:NAME (an environment variable), file:PATH, secret:NAME or, in the clear against all advice, plain:VALUE';
const fingerprint = '(get it with: ssh-keyscan HOST | ssh-keygen -lf -)';

/** One watch with a flow map of keys, on a local server: problems are on line 2 from column 32 on. */
const watch = (keys: string) =>
  `servers: { l: { protocol: local } }\nwatches: { w: { server: l, root: ., ${keys} } }\n`;
/** One SFTP server with keys on line 2. */
const sftp = (keys: string) => `servers: { s: { protocol: sftp, host: h, username: u,\n  ${keys} } }\n`;
const login = 'auth: { password: env:P }';

const cases: readonly (readonly [title: string, text: string, expected: string])[] = [
  ['empty file', '', 'f:1:1: the file is empty; `farwatch init` writes one to begin with'],
  ['a list', '- 1', 'f:1:1: the file must be a map with the keys servers and watches'],
  ['no servers', 'watches: {}', 'f:1:1 servers: this key is missing; expected the servers, by name'],
  ['empty servers', 'servers:\n', 'f:1:1 servers: this is empty; expected a map'],
  [
    'open bracket',
    'a: [1\nb: 2',
    'f:2:1: the indentation does not fit the lines around it, or a closing bracket is missing',
  ],
  ['open quote', 'a: "x', 'f:1:6: a closing quote or bracket, or a colon, is missing'],
  [
    'colon in a value',
    'a: hunter2: c',
    'f:1:4: a ": " within a value: put the value in quotes, or begin a new line',
  ],
  ['tab', 'a:\n\t- b', 'f:2:1: tabs cannot indent YAML; use spaces'],
  ['two documents', 'a: 1\n---\nb: 2', 'f:2:1: a configuration is one document; remove the line ---'],
  [
    'alias',
    'a: *hunter2',
    'f:1:4: no such anchor above this alias; put a value that begins with * in quotes',
  ],
  ['tag', 'a: !hunter2 x', 'f:1:4: tags are not understood here; put a value that begins with ! in quotes'],
  ['merge', '<<: 5', 'f:1:1: a merge key (<<) takes a map, an alias of a map, or a list of them'],
  ['map as key', '{a: b}: c', 'f:1:1: a key must be plain text; is a quote missing?'],
  ['key twice', 'servers: {}\nservers: {}', 'f:2:1: this key stands twice in the same place'],
  [
    'key twice, and more',
    'servers: {}\nretention: 1d\nretention: 5',
    'f:3:1: this key stands twice in the same place\nf:3:12 retention: a duration needs a unit; write 5s for seconds or 5m for minutes',
  ],
  ['typo at the top', 'servers: {}\nwatchs: {}', 'f:2:1 watchs: unknown key; did you mean "watches"?'],
  ['typo', watch('evry: 5m'), 'f:2:37 watches.w.evry: unknown key; did you mean "every"?'],
  [
    'other spelling',
    watch('max_depth: 5'),
    'f:2:37 watches.w.max_depth: unknown key; did you mean "maxDepth"?',
  ],
  [
    'nested, no near key',
    watch('deletes: { zzzzzz: 5 }'),
    'f:2:48 watches.w.deletes.zzzzzz: unknown key; expected one of confirm, maxPercent, minCount',
  ],
  [
    'protocol',
    'servers: { s: { protocol: stfp } }',
    'f:1:27 servers.s.protocol: not one of the choices; expected one of sftp, ftp, ftps, ftps-implicit, local; did you mean "sftp"?',
  ],
  [
    'no protocol',
    'servers:\n  s: { host: h }',
    'f:2:3 servers.s.protocol: this key is missing; expected one of sftp, ftp, ftps, ftps-implicit, local',
  ],
  [
    'name',
    'servers: { "a b": { protocol: local } }',
    'f:1:12 servers.a b: a name begins with a letter or digit and has at most 63 letters, digits, dots, dashes and underscores',
  ],
  [
    'key of another protocol',
    sftp(`${login}, tls: {}`),
    'f:2:30 servers.s.tls: not a key of protocol sftp, only of ftps, ftps-implicit',
  ],
  [
    'no auth',
    'servers:\n  s: { protocol: sftp, host: h, username: u }',
    'f:2:3 servers.s.auth: this key is missing; expected how to log in: { password: env:NAME } or { privateKey: file:PATH, passphrase: env:NAME }',
  ],
  [
    'auth as text',
    sftp('auth: hunter2'),
    'f:2:9 servers.s.auth: this must be a map such as { password: env:NAME }',
  ],
  ['bare secret', sftp('auth: { password: hunter2 }'), `f:2:21 servers.s.auth.password: ${forms}`],
  ['numeric secret', sftp('auth: { password: 12345 }'), `f:2:21 servers.s.auth.password: ${forms}`],
  [
    'missing space',
    sftp('auth: { password:hunter2 }'),
    'f:2:3 servers.s.auth.password: this key is missing; write password, or privateKey\nf:2:11 servers.s.auth.password:…: a space is missing after the colon',
  ],
  [
    'two secrets',
    sftp('auth: { password: env:P, privateKey: file:k }'),
    'f:2:28 servers.s.auth.privateKey: password and privateKey exclude each other; remove one',
  ],
  [
    'passphrase alone',
    sftp('auth: { password: env:P, passphrase: env:Q }'),
    'f:2:28 servers.s.auth.passphrase: belongs to a privateKey, and there is none',
  ],
  [
    'env name',
    sftp('auth: { password: env:A-B }'),
    'f:2:21 servers.s.auth.password: env: is followed by the name of an environment variable: letters, digits and _',
  ],
  [
    'secret name',
    sftp('auth: { password: secret:../x }'),
    'f:2:21 servers.s.auth.password: secret: is followed by a name like farwatch/partner-a: letters, digits and /_+=.@-, no ..',
  ],
  [
    'ftp in the clear',
    `servers:\n  s: { protocol: ftp, host: h, username: u, ${login} }`,
    'f:2:3 servers.s.insecure: protocol ftp sends password and files in the clear; use ftps, or write insecure: true to accept that',
  ],
  [
    'insecure: false',
    `servers: { s: { protocol: ftp, insecure: false, host: h, username: u, ${login} } }`,
    'f:1:42 servers.s.insecure: protocol ftp sends password and files in the clear; use ftps, or write insecure: true to accept that',
  ],
  ['port', sftp(`${login}, port: 70000`), 'f:2:36 servers.s.port: must be at most 65535'],
  ['port as text', sftp(`${login}, port: "22"`), 'f:2:36 servers.s.port: this is text; expected a number'],
  [
    'connections',
    sftp(`${login}, connections: 1.5`),
    'f:2:43 servers.s.connections: this is a number; expected a whole number',
  ],
  [
    'username',
    `servers: { s: { protocol: sftp, host: h, username: 12, ${login} } }`,
    'f:1:52 servers.s.username: this is a whole number; expected text; put it in quotes',
  ],
  [
    'username of two lines',
    `servers: { s: { protocol: sftp, host: h, username: "a\\r\\nDELE b", ${login} } }`,
    'f:1:52 servers.s.username: must be a single line',
  ],
  [
    'host with scheme',
    `servers: { s: { protocol: sftp, host: "sftp://h", username: u, ${login} } }`,
    'f:1:39 servers.s.host: a host only: no ftp:// or sftp:// before it, no path after it',
  ],
  [
    'host with port',
    `servers: { s: { protocol: sftp, host: "h:22", username: u, ${login} } }`,
    'f:1:39 servers.s.host: a host only: the port has a key of its own, port',
  ],
  [
    'short fingerprint',
    sftp(`${login}, hostKey: SHA256:abc`),
    `f:2:39 servers.s.hostKey: after SHA256: stand 43 characters of base64, here are 3 ${fingerprint}`,
  ],
  [
    'padded fingerprint',
    sftp(`${login}, hostKey: "SHA256:${'A'.repeat(43)}="`),
    'f:2:39 servers.s.hostKey: a fingerprint is written without = at its end',
  ],
  [
    'impossible fingerprint',
    sftp(`${login}, hostKey: SHA256:${'A'.repeat(42)}B`),
    `f:2:39 servers.s.hostKey: not the base64 of a SHA-256 digest: its last character cannot be right ${fingerprint}`,
  ],
  [
    'MD5',
    sftp(`${login}, hostKey: "${Array(16).fill('0a').join(':')}"`),
    `f:2:39 servers.s.hostKey: an MD5 fingerprint proves too little; write the SHA256:… one ${fingerprint}`,
  ],
  [
    'key itself',
    sftp(`${login}, hostKey: ssh-ed25519 AAAA`),
    `f:2:39 servers.s.hostKey: this is the key itself; write its fingerprint SHA256:… ${fingerprint}`,
  ],
  [
    'time-out',
    sftp(`${login}, connectTimeout: 20 seconds`),
    'f:2:46 servers.s.connectTimeout: not a duration; write it like 500ms, 30s, 5m, 2h or 30d',
  ],
  ['every below a second', watch('every: 10ms'), 'f:2:44 watches.w.every: must be from 1s to 365d'],
  [
    'bare number',
    watch('every: 300'),
    'f:2:44 watches.w.every: a duration needs a unit; write 300s for seconds or 300m for minutes',
  ],
  [
    'six fields',
    watch('cron: "* * * * * *"'),
    'f:2:43 watches.w.cron: a cron has five fields: minute, hour, day, month, weekday; write it like "*/5 6-20 * * 1-5"',
  ],
  ['never due', watch('cron: "0 0 31 2 *"'), 'f:2:43 watches.w.cron: this cron never comes due'],
  [
    'every and cron',
    watch('every: 5m, cron: "0 0 * * *"'),
    'f:2:48 watches.w.cron: every and cron exclude each other; remove one',
  ],
  [
    'zone',
    watch('cron: "0 0 * * *", timezone: Europe/Berln'),
    'f:2:66 watches.w.timezone: not an IANA time zone; write it like Europe/Berlin, or UTC; did you mean "Europe/Berlin"?',
  ],
  [
    'zone without cron',
    watch('timezone: Europe/Berlin'),
    'f:2:37 watches.w.timezone: has a meaning with cron only',
  ],
  [
    'staleness without pace',
    watch('maxStaleness: 2h'),
    'f:2:37 watches.w.maxStaleness: has a meaning with pace: adaptive only',
  ],
  [
    'staleness that one scan exceeds',
    watch('every: 1h, pace: adaptive, maxStaleness: 30m'),
    'f:2:78 watches.w.maxStaleness: must be longer than every: a scan looks at a part of the cold directories',
  ],
  [
    'pace too slow for the usual staleness',
    watch('every: 2h, pace: adaptive'),
    'f:2:54 watches.w.pace: maxStaleness is 1h if not set, and must be longer than every',
  ],
  [
    'choice',
    watch('initial: baselin'),
    'f:2:46 watches.w.initial: not one of the choices; expected one of baseline, emit; did you mean "baseline"?',
  ],
  ['yes', watch('moves: yes'), 'f:2:44 watches.w.moves: this is text; expected true or false'],
  [
    'size',
    watch('maxFileSize: 10MiB'),
    'f:2:50 watches.w.maxFileSize: not a size; write it like 500KB, 10MB or 2GB (1KB is 1024 bytes), or a number of bytes',
  ],
  [
    'sizes',
    watch('minFileSize: 2KB, maxFileSize: 1KB'),
    'f:2:50 watches.w.minFileSize: is more than maxFileSize: no file would remain',
  ],
  [
    'percent',
    watch('deletes: { maxPercent: 120 }'),
    'f:2:60 watches.w.deletes.maxPercent: must be at most 100',
  ],
  ['confirm', watch('deletes: { confirm: 0 }'), 'f:2:57 watches.w.deletes.confirm: must be at least 1'],
  ['kinds', watch('kinds: []'), 'f:2:44 watches.w.kinds: must not be empty'],
  [
    'scale',
    watch('scale: larg'),
    'f:2:44 watches.w.scale: not one of the choices; expected one of small, medium, large, xl, xxl; did you mean "large"?',
  ],
  [
    'scale as a number',
    watch('scale: 5'),
    'f:2:44 watches.w.scale: write the name of a preset, or a map such as { preset: large, inFlight: 24 }',
  ],
  [
    'scale key',
    watch('scale: { inflight: 5 }'),
    'f:2:46 watches.w.scale.inflight: unknown key; did you mean "inFlight"?',
  ],
  [
    'budget',
    watch('scale: { taskBudget: 90s }'),
    'f:2:58 watches.w.scale.taskBudget: must be from 100ms to 60s',
  ],
  [
    'deadline',
    watch('scale: { deadline: 30s }'),
    'f:2:56 watches.w.scale.deadline: the deadline must be longer than taskBudget',
  ],
  [
    'glob as text',
    watch('include: "*.csv"'),
    'f:2:46 watches.w.include: this must be a list; write it like ["**/*.csv"]',
  ],
  [
    'negated glob',
    watch('include: ["!a"]'),
    'f:2:47 watches.w.include[0]: a glob cannot be negated with !; move it from include to exclude or back, or write \\! for a name that begins with !',
  ],
  [
    'absolute glob',
    watch('include: [a, /b]'),
    'f:2:50 watches.w.include[1]: a pattern is relative to the root; remove the / it begins with',
  ],
  [
    'regex',
    watch('include: [{ regex: "(" }]'),
    'f:2:56 watches.w.include[0].regex: not a JavaScript regular expression: Unterminated group',
  ],
  [
    'pattern',
    watch('include: [5]'),
    'f:2:47 watches.w.include[0]: a pattern is a glob such as "**/*.csv" or { regex: "…" }',
  ],
  ['former name', watch('was: w'), 'f:2:42 watches.w.was: is the name that the watch has; remove it'],
  [
    'unknown server',
    `${sftp(login)}watches:\n  w: { server: z, root: / }`,
    'f:4:16 watches.w.server: no server has this name; did you mean "s"?',
  ],
  [
    'no server, no root',
    `${sftp(login)}watches:\n  w: {}`,
    'f:4:3 watches.w.root: this key is missing; expected the directory to watch\nf:4:3 watches.w.server: this key is missing; expected one of the servers s',
  ],
  [
    'relative root',
    `${sftp(login)}watches: { w: { server: s, root: in } }`,
    'f:3:34 watches.w.root: must be absolute on the server: begin it with /',
  ],
  [
    'dotted root',
    `${sftp(login)}watches: { w: { server: s, root: /a/../b } }`,
    'f:3:34 watches.w.root: must not contain . or ..; write the path that they stand for',
  ],
  [
    'wrong default, once',
    `${sftp(login)}defaults: { server: s, root: in }\nwatches: { v: {}, w: {} }`,
    'f:3:30 defaults.root: must be absolute on the server: begin it with /',
  ],
  [
    'through an alias',
    `x-a: &a { every: 5 }\n${watch('<<: *a')}`,
    'f:1:18 watches.w.every: a duration needs a unit; write 5s for seconds or 5m for minutes',
  ],
  [
    'output type',
    'servers: {}\noutputs: [{ type: webhok }]',
    'f:2:19 outputs[0].type: not one of the choices; expected one of stdout, file, webhook, command; did you mean "webhook"?',
  ],
  [
    'output name',
    'servers: {}\noutputs: [{ type: stdout, name: a }, { type: stdout, name: a }]',
    'f:2:60 outputs[1].name: another output has this name',
  ],
  [
    'output watch',
    `${watch('was: v')}outputs: [{ type: stdout, watches: [x] }]`,
    'f:3:37 outputs[0].watches[0]: no watch has this name; did you mean "w"?',
  ],
  [
    'url',
    'servers: {}\noutputs: [{ type: webhook, url: hunter2 }]',
    'f:2:33 outputs[0].url: not an http:// or https:// URL, nor a reference such as env:NAME',
  ],
  [
    'header',
    'servers: {}\noutputs: [{ type: webhook, url: env:U, headers: { "a b": x } }]',
    'f:2:51 outputs[0].headers.a b: not the name of an HTTP header',
  ],
  [
    'header value',
    'servers: {}\noutputs: [{ type: webhook, url: env:U, headers: { a: "b\\r\\nc" } }]',
    'f:2:54 outputs[0].headers.a: a header must be a single line',
  ],
  [
    'command as text',
    'servers: {}\noutputs: [{ type: command, command: ls -l }]',
    'f:2:37 outputs[0].command: this must be a list: ["program", "argument"]; no shell reads it',
  ],
];

for (const [title, text, expected] of cases) {
  test(`problem: ${title}`, () => {
    assert.equal(problemsOf(text), expected);
    assert.doesNotMatch(problemsOf(text), /hunter2/, 'a value is echoed');
  });
}

test('all errors of a file come at once, in its order', () => {
  const found = problemsOf(`retenton: 1d
servers:
  a: { protocol: sftp, hst: h, port: 0, username: u, auth: hunter2 }
  b: { protocol: xftp }
watches:
  w: { server: c, root: x, evry: 1, every: 1, cron: "x" }
outputs: [{ type: nope }, { type: stdout, extra: 1 }]
`);
  assert.deepEqual(
    found.split('\n').map((line) => line.slice(0, line.indexOf(': '))),
    [
      'f:1:1 retenton',
      'f:3:3 servers.a.host',
      'f:3:24 servers.a.hst',
      'f:3:38 servers.a.port',
      'f:3:60 servers.a.auth',
      'f:4:18 servers.b.protocol',
      'f:6:16 watches.w.server',
      'f:6:28 watches.w.evry',
      'f:6:44 watches.w.every',
      'f:6:47 watches.w.cron',
      'f:6:53 watches.w.cron',
      'f:7:19 outputs[0].type',
      'f:7:43 outputs[1].extra',
    ],
  );
});

test('an alias bomb and endless nesting are refused as such', () => {
  const levels = Array.from({ length: 9 }, (_, index) => {
    const item = index === 0 ? 'x' : `*a${index - 1}`;
    return `a${index}: &a${index} [${Array(9).fill(item).join(', ')}]`;
  });
  assert.equal(
    problemsOf(levels.join('\n')),
    'f:1:1: its aliases (*name) multiply beyond all measure; write the values out',
  );
  assert.match(problemsOf(`a: ${'['.repeat(100_000)}`), /^f:1:\d+: /);
  assert.match(problemsOf(`a: &a { b: *a }`), /^f:1:1 a: unknown key/);
});

test('a problem is one line, whatever a key holds', () => {
  assert.equal(
    problemsOf('servers: {}\n"a\\nb\\e[31m": 1').split('\n')[0],
    'f:2:1 a\ufffdb\ufffd[31m: unknown key; expected one of servers, watches, outputs, defaults, retention',
  );
});

const word = fc.constantFrom(
  ...'servers watches outputs defaults protocol sftp ftp local auth password type webhook url scale every cron'.split(
    ' ',
  ),
  ...[
    ': ',
    '\n',
    '\n  ',
    '\n    ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    '<<: ',
    '!x ',
    '| ',
    '# ',
    '? ',
    ', ',
  ],
  ...[
    'env:X',
    '5',
    'null',
    '1e9',
    '.inf',
    '.nan',
    '0x',
    '__proto__',
    'constructor',
    '\t',
    '\0',
    '\ufeff',
    '---\n',
  ],
);

test('any garbage gives a configuration or problems with a place, never a crash', () => {
  const garbage = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(word, { maxLength: 25 }).map((words) => words.join('')),
    // A good file with a piece replaced.
    fc
      .tuple(fc.nat(example.length), fc.nat(12), fc.array(word, { maxLength: 3 }))
      .map(([at, length, words]) => {
        return example.slice(0, at) + words.join('') + example.slice(at + length);
      }),
    fc
      .jsonValue()
      .map((value) => JSON.stringify({ servers: value, watches: value, outputs: value, defaults: value })),
  );
  fc.assert(
    fc.property(garbage, (text) => {
      try {
        parseConfig(text, 'f', {});
      } catch (error) {
        assert.ok(error instanceof InvalidConfig, error instanceof Error ? error.stack : String(error));
        assert.ok(error.problems.length > 0);
        assert.ok(error.problems.every(({ line, column }) => line >= 1 && column >= 1));
        assert.doesNotMatch(error.message, /\n\s+at /);
      }
    }),
    { numRuns: 1500 },
  );
});
