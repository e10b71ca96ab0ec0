import assert from 'node:assert/strict';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SftpRemote } from '../../../shared/remote/sftp/sftp-remote.ts';
import { sftpServerConfig } from '../../servers/server-config.ts';
import { serverKinds, skipReason } from '../../servers/server-kinds.ts';
import { listOne, withSession } from '../fixture.ts';
import { MemoryKnownHosts, sftpCredentials } from '../server-fixture.ts';

/** Servers answer OPENDIR of what is no directory with different codes; the reason must be the same. */
for (const kind of serverKinds.filter(({ protocol }) => protocol === 'sftp')) {
  describe(`what is no directory: ${kind.name}`, { skip: skipReason(kind), timeout: 300_000 }, () => {
    it('is not found, and the detail says what it is now', async (t) => {
      const server = await kind.start();
      t.after(() => server.stop());
      const remote = new SftpRemote(
        sftpServerConfig(server),
        sftpCredentials(server),
        new MemoryKnownHosts(),
      );
      const root = server.root === '/' ? '' : server.root;
      await mkdir(join(server.localRoot, 'shape'));
      await withSession(remote, async (session) => {
        const shape = () => listOne(session, `${root}/shape`);
        assert.equal((await shape()).status, 'complete');
        await rm(join(server.localRoot, 'shape'), { recursive: true });
        await writeFile(join(server.localRoot, 'shape'), 'a file');
        const asFile = await shape();
        assert.ok(asFile.status === 'partial');
        assert.deepEqual([asFile.reason, asFile.detail], ['not-found', 'no directory any more but a file']);
        await rm(join(server.localRoot, 'shape'));
        await symlink('nowhere', join(server.localRoot, 'shape'));
        const asLink = await shape();
        assert.ok(asLink.status === 'partial');
        assert.deepEqual([asLink.reason, asLink.detail], ['not-found', 'no directory any more but a link']);
        await rm(join(server.localRoot, 'shape'));
        const gone = await shape();
        assert.ok(gone.status === 'partial');
        assert.equal(gone.reason, 'not-found');
      });
    });
  });
}
