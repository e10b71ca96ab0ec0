import { describe, it } from 'node:test';
import { newSshKey } from '../servers/keys.ts';
import { proftpdMissing, startProftpd } from '../servers/proftpd.ts';
import { serverKinds, skipReason } from '../servers/server-kinds.ts';
import type { StartOptions, TestServer } from '../servers/test-server.ts';
import { startVsftpd, vsftpdMissing } from '../servers/vsftpd.ts';
import { Scene, survives } from './scene.ts';

/** Servers that are not who they should be. */
for (const kind of serverKinds.filter(({ protocol }) => protocol === 'sftp')) {
  describe(kind.name, { skip: skipReason(kind), concurrency: 2 }, () => {
    it('a host key other than the pinned one', async (t) => {
      const scene = new Scene(t, await kind.start());
      await survives(scene, {
        harm: () => scene.configure({ hostKey: newSshKey().fingerprint }),
        says: /host key/i,
        heal: () => scene.configure(),
      });
    });

    it('another host key than on first use', async (t) => {
      const scene = new Scene(t, await kind.start());
      scene.configure({ hostKey: 'trust-on-first-use' });
      let impostor: TestServer | undefined;
      t.after(() => impostor?.stop());
      await survives(scene, {
        harm: async () => {
          await scene.server.crash();
          const { localRoot, config } = scene.server;
          impostor = await kind.start({ directory: localRoot, port: config.port });
          // Its password may be another one: the key must be refused before it is ever said.
        },
        says: /host key/i,
        heal: async () => {
          await impostor?.stop();
          await scene.server.restart();
        },
      });
    });
  });
}

const daemons = [
  { name: 'vsftpd', missing: vsftpdMissing, start: startVsftpd },
  { name: 'ProFTPD', missing: proftpdMissing, start: startProftpd },
] as const;

for (const { name, missing, start } of daemons) {
  const skip = skipReason({ name, available: missing });
  const startTls = (options: StartOptions = {}) => start({ tls: 'explicit', ...options });
  describe(`${name} (ftps)`, { skip, concurrency: 2 }, () => {
    it('a certificate by an authority that nobody named', async (t) => {
      const scene = new Scene(t, await startTls());
      await survives(scene, {
        harm: () => scene.configure({ tls: {} }),
        says: /certificate/i,
        heal: () => scene.configure(),
      });
    });

    it('an expired certificate', async (t) => {
      const scene = new Scene(t, await startTls());
      let expired: TestServer | undefined;
      t.after(() => expired?.stop());
      await survives(scene, {
        harm: async () => {
          await scene.server.crash();
          const { localRoot, config } = scene.server;
          expired = await startTls({ certificate: 'expired', directory: localRoot, port: config.port });
          scene.home.env('EXPIRED_CA', expired.config.ca ?? '');
          scene.configure({ tls: { ca: 'env:EXPIRED_CA' } });
        },
        says: /expired/i,
        heal: async () => {
          await expired?.stop();
          await scene.server.restart();
          scene.configure();
        },
      });
    });
  });
}
