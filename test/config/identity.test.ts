import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochIdentity, slotKey, slotKeyOf } from '../../shared/config/identity.ts';
import { parseConfig } from '../../shared/config/load.ts';

function server(keys: string) {
  const { config } = parseConfig(`servers: { s: { auth: { password: env:P }, ${keys} } }`, '/srv/f', {});
  const found = config.servers.get('s');
  assert.ok(found);
  return found;
}

const sftp = server('protocol: sftp, host: h.example, username: u');

test('an epoch goes on over changes of limits, keys, capitals of the host and encryption', () => {
  const same = server('protocol: sftp, host: H.Example, username: u, connections: 9, port: 22');
  assert.equal(epochIdentity(sftp, '/in'), epochIdentity(same, '/in'));
  const clear = server('protocol: ftp, insecure: true, host: h.example, username: u');
  const encrypted = server('protocol: ftps, host: h.example, username: u');
  assert.equal(epochIdentity(clear, '/in'), epochIdentity(encrypted, '/in'));
});

test('another protocol family, host, port, user or root is a new epoch', () => {
  const identities = [
    epochIdentity(sftp, '/in'),
    epochIdentity(sftp, '/out'),
    epochIdentity(server('protocol: sftp, host: i.example, username: u'), '/in'),
    epochIdentity(server('protocol: sftp, host: h.example, username: v'), '/in'),
    epochIdentity(server('protocol: sftp, host: h.example, username: u, port: 21'), '/in'),
    epochIdentity(server('protocol: ftps, host: h.example, username: u'), '/in'),
    epochIdentity(server('protocol: ftps, host: h.example, username: u, port: 22'), '/in'),
  ];
  assert.equal(new Set(identities).size, identities.length);
});

test('a slot belongs to host, port and user, whatever the server is called', () => {
  assert.equal(slotKey(sftp), 'u@h.example:22');
  assert.equal(slotKey({ ...sftp, name: 'other' }), slotKey(sftp));
  assert.equal(slotKey(server('protocol: ftps-implicit, host: "::1", username: a@b')), 'a@b@[::1]:990');
  assert.notEqual(slotKey(server('protocol: ftps, host: h.example, username: v')), slotKey(sftp));
});

test('the slot of a watch is known from what the state keeps of it', () => {
  const servers = [
    sftp,
    server('protocol: ftps-implicit, host: "::1", username: a@b'),
    server('protocol: sftp, host: H.Example, username: u, port: 2222'),
  ];
  for (const each of servers) {
    const watch = { server: each.name, identity: epochIdentity(each, '/in') };
    assert.equal(slotKeyOf(watch), slotKey(each));
  }
  const local = parseConfig('servers: { disk: { protocol: local } }', '/srv/f', {}).config.servers.get(
    'disk',
  );
  assert.ok(local);
  assert.equal(slotKeyOf({ server: 'disk', identity: epochIdentity(local, '/srv/in') }), slotKey(local));
});
