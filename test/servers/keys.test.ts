import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import ssh2 from 'ssh2';
import { newSshKey } from './keys.ts';

describe('newSshKey', () => {
  it('makes keys that sign for their public half, every time', () => {
    for (let made = 0; made < 100; made += 1) {
      const key = newSshKey();
      const [secret, open] = [ssh2.utils.parseKey(key.privateKey), ssh2.utils.parseKey(key.publicKey)];
      assert.ok(!(secret instanceof Error) && !(open instanceof Error), 'ssh2 reads both');
      const signature = secret.sign('message');
      assert.ok(!(signature instanceof Error));
      assert.equal(open.verify('message', signature), true);
      assert.equal(open.getPublicSSH().length, 51);
    }
  });
});
