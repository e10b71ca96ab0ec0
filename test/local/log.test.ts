import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { createLog, type LogOptions, logLevels, parseLogLevel } from '../../infra/local/log.ts';
import { InvalidInput, RemoteAuth } from '../../shared/failure.ts';

function recording(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({ level: 'info', pretty: false, write: (line) => void lines.push(line), ...options });
  return { log, lines, record: () => JSON.parse(lines.at(-1) ?? '') };
}

test('a line is one JSON object with level, time and message, and nothing below the level', () => {
  const { log, lines, record } = recording();
  log.debug('unseen');
  log.child({ watch: 'incoming' }).warn({ files: 3 }, 'seen');
  assert.equal(lines.length, 1);
  const { time, ...rest } = record();
  assert.deepEqual(rest, { level: 'warn', watch: 'incoming', files: 3, msg: 'seen' });
  assert.ok(!Number.isNaN(Date.parse(time)));
});

test('a failure is logged with its advice and without a stack, a defect with its stack', () => {
  const { log, record } = recording();
  const cause = new Error('530 Login incorrect');
  log.error({ err: new RemoteAuth('login', 'refused', { cause, advice: 'Check the password.' }) }, 'no');
  assert.deepEqual(record().err, {
    name: 'RemoteAuth',
    message: 'refused',
    reason: 'login',
    advice: 'Check the password.',
    cause: '530 Login incorrect',
  });
  log.error({ err: new TypeError('a defect') }, 'no');
  assert.match(record().err.stack, /log\.test\.ts/);
});

test('secrets do not get into any line, wherever they stand', () => {
  const secrets = new Set<string>();
  for (const pretty of [false, true]) {
    const { log, lines } = recording({ secrets, pretty });
    secrets.add('hunter"22');
    log.info({ password: 'a-secret', server: { auth: { password: 'a-secret' } } }, 'login');
    log.info({ config: { server: { privateKey: 'a-secret', headers: { x: 'a-secret' } } } }, 'config');
    log.info('the server said: no hunter"22 here');
    log.info({ detail: 'PASS hunter"22' }, 'sent');
    log.error({ err: new Error('cannot reach ftp://acme:a-secret@host/path') }, 'no');
    const all = lines.join('');
    assert.doesNotMatch(all, /a-secret|hunter/);
    assert.equal(
      lines
        .slice(0, 4)
        .join('')
        .match(/\[secret\]/g)?.length,
      6,
      all,
    );
    assert.match(all, /ftp:\/\/acme:\[secret\]@host\/path/);
  }
});

test('people get one line, without commands to their terminal, and the progress makes room', () => {
  let suspended = 0;
  const { log, lines } = recording({
    pretty: true,
    suspend: (print) => {
      suspended += 1;
      print();
    },
  });
  log.warn({ path: '/a\x1b[2Jb' }, 'the server said \x1b[2Jboo\nfake line');
  assert.equal(suspended, 1);
  const [line = ''] = lines;
  assert.ok(!line.includes('\x1b[2J'));
  assert.match(
    stripVTControlCharacters(line),
    /^\[\d\d:\d\d:\d\d\] WARN: the server said \\x1b\[2Jboo\\nfake line \{"path":"\/a\\u001b\[2Jb"\}\n$/,
  );
});

test('a level is one of those known', () => {
  for (const level of logLevels) assert.equal(parseLogLevel(` ${level.toUpperCase()}`), level);
  assert.throws(
    () => parseLogLevel('loud'),
    (error) => error instanceof InvalidInput && /FARWATCH_LOG_LEVEL/.test(error.advice ?? ''),
  );
});

test('the last line before an exit arrives on standard error', () => {
  const script = `
    const { createLog } = await import(${JSON.stringify(new URL('../../infra/local/log.ts', import.meta.url).href)});
    const log = createLog({ level: 'info', pretty: false });
    for (let i = 0; i < 1000; i += 1) log.info({ i }, 'x'.repeat(200));
    process.exit(3);`;
  const { status, stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    maxBuffer: 10_000_000,
  });
  assert.equal(status, 3);
  assert.equal(stdout, '');
  assert.equal(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '').i, 999);
});
