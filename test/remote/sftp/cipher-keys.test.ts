import assert from 'node:assert/strict';
import { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import ssh2, { type Connection } from 'ssh2';
import { speedUpCiphers } from '../../../shared/remote/sftp/cipher-keys.ts';
import { newSshKey } from '../../servers/keys.ts';
import { listen } from '../../servers/ports.ts';

const cases = [
  { cipher: 'aes128-gcm@openssh.com', fields: ['_decipher._decipherKey', '_cipher._encKey'] },
  { cipher: 'aes256-ctr', fields: ['_decipher._macKey', '_cipher._macKey'] },
] as const;

describe('the keys of ciphers', { timeout: 300_000 }, () => {
  for (const { cipher, fields } of cases) {
    it(`are key objects after every key exchange: ${cipher}`, async (t) => {
      const connected = Promise.withResolvers<Connection>();
      const server = new ssh2.Server({ hostKeys: [newSshKey().privateKey] }, (connection) => {
        connection.on('error', () => undefined);
        connection.on('authentication', (attempt) => attempt.accept());
        connected.resolve(connection);
      });
      const listener = createServer((socket) => server.injectSocket(socket));
      const port = await listen(listener, 0);
      t.after(() => listener.close());
      const ssh = new ssh2.Client();
      t.after(() => ssh.destroy());
      speedUpCiphers(ssh);
      const ready = once(ssh, 'ready');
      const sock = connect({ host: '127.0.0.1', port });
      ssh.connect({ sock, username: 'somebody', algorithms: { cipher: [cipher] } });
      await ready;
      // A ssh2 whose addon was built for this very Node ciphers in C and has no such fields.
      if (fields.every((field) => valueAt(ssh, `_protocol.${field}`) === undefined)) {
        t.skip('ssh2 uses its addon');
        return;
      }
      const keysOf = () => fields.map((field) => valueAt(ssh, `_protocol.${field}`));
      const before = keysOf();
      assert.ok(before.every((key) => key instanceof KeyObject));
      const connection = await connected.promise;
      await new Promise((resolve) => connection.rekey(() => resolve(undefined)));
      const after = keysOf();
      assert.ok(after.every((key, index) => key instanceof KeyObject && key !== before[index]));
    });
  }
});

function valueAt(value: unknown, path: string): unknown {
  const [field = '', ...rest] = path.split('.');
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Reflect.get(value, field);
  return rest.length === 0 ? found : valueAt(found, rest.join('.'));
}
