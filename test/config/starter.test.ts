import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../shared/config/load.ts';
import { passwordVariable, starterConfig } from '../../shared/config/starter.ts';

for (const protocol of ['sftp', 'ftp', 'ftps', 'ftps-implicit', 'local'] as const) {
  test(`the starting configuration for ${protocol} works as it is`, () => {
    const text = starterConfig({
      protocol,
      host: 'files.example',
      port: 2121,
      username: 'acme',
      root: '/in box: "a", #1',
      watch: 'incoming',
      server: 'partner-a',
    });
    const { config, warnings } = parseConfig(text, '/srv/farwatch.yaml', {});
    assert.deepEqual(warnings, []);
    assert.equal(config.watches.get('incoming')?.root, '/in box: "a", #1');
    const server = config.servers.get('partner-a');
    assert.equal(server?.protocol, protocol);
    if (server === undefined || server.protocol === 'local') return;
    assert.partialDeepStrictEqual(server, {
      host: 'files.example',
      port: 2121,
      username: 'acme',
      auth: { password: { source: 'env', value: 'PARTNER_A_PASSWORD' } },
    });
  });
}

test('names that YAML would read otherwise are quoted', () => {
  const answers = {
    protocol: 'ftps',
    host: '::1',
    username: 'null',
    root: '/',
    watch: '1',
    server: '2e3',
  } as const;
  const { config } = parseConfig(starterConfig({ ...answers, auth: 'file:a, {b}' }), '/srv/f', {});
  assert.deepEqual([...config.watches.keys()], ['1']);
  assert.partialDeepStrictEqual(config.servers.get('2e3'), {
    host: '::1',
    username: 'null',
    auth: { password: { source: 'file', value: '/srv/a, {b}' } },
  });
});

test('the variable of a password is one that shells can set', () => {
  assert.equal(passwordVariable('partner-a.b'), 'PARTNER_A_B_PASSWORD');
  assert.equal(passwordVariable('2go'), '_2GO_PASSWORD');
});
