import { describe } from 'node:test';
import { serverKinds, skipReason } from '../servers/server-kinds.ts';
import { remoteConformance } from './conformance.ts';
import { featuresOf, sftpFixture } from './server-fixture.ts';

for (const kind of serverKinds.filter(({ protocol }) => protocol === 'sftp')) {
  describe(kind.name, { skip: skipReason(kind) }, () => {
    remoteConformance(kind.name, async () => {
      const server = await kind.start();
      return sftpFixture(server, featuresOf(server, kind.name.startsWith('ssh2')));
    });
  });
}
