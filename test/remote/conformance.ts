import { after, before, describe } from 'node:test';
import { entryCases } from './entry-cases.ts';
import type { Fixture } from './fixture.ts';
import { nameCases } from './name-cases.ts';
import { sessionCases } from './session-cases.ts';
import { streamCases } from './stream-cases.ts';

/**
 * The one suite that every adapter passes on every server. `open` starts the server once; each case works in a
 * directory and with sessions of its own, so a server that permits two sessions at a time suffices.
 */
export function remoteConformance(name: string, open: () => Promise<Fixture>): void {
  describe(`remote conformance: ${name}`, { timeout: 900_000 }, () => {
    let opened: Fixture | undefined;
    const fixture = (): Fixture => {
      if (opened === undefined) throw new Error(`${name} did not start`);
      return opened;
    };
    before(async () => {
      opened = await open();
    });
    after(async () => {
      await opened?.close();
    });
    entryCases(fixture);
    nameCases(fixture);
    streamCases(fixture);
    sessionCases(fixture);
  });
}
