import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nameFromBytes } from '../../shared/tree/name.ts';
import {
  assertComplete,
  bytesOf,
  type Fixture,
  listAll,
  listComplete,
  listOne,
  namesOf,
  rawPath,
  remotePath,
  scratch,
  withSession,
  writeFiles,
} from './fixture.ts';

const awkward = [
  ' leading',
  'trailing ',
  'two  blanks',
  "it's",
  '"quoted"',
  'a -> b',
  'glob[1]',
  'glob1',
  'glob?',
  '*',
  '%41%2e',
  'back\\slash',
  'tab\there',
  'semi;colon=x; y',
  '-dash',
  '~tilde',
  '#hash',
  '$HOME',
  '{brace,s}',
  'ünïcode ✓ 漢字 😀',
  // The same letter composed and decomposed: two names to a POSIX server.
  'caf\u00e9',
  'cafe\u0301',
  '2026-11-21',
  '01-02-26  03:04PM       <DIR>          fake',
  '-rw-r--r-- 1 a b 3 Jan 1 2020 fake',
  `${'long'.repeat(50)}.txt`,
];

const hostile = [
  { name: bytesOf('new\nline.txt'), trait: 'newline' },
  { name: bytesOf('new\r\nline.txt'), trait: 'newline' },
  { name: bytesOf('cr\rinside.txt'), trait: 'carriage-return' },
  { name: bytesOf('latin\xe9.txt'), trait: 'non-utf8' },
  { name: bytesOf('\xff\xfe'), trait: 'non-utf8' },
  { name: bytesOf('cut\xe2\x82'), trait: 'non-utf8' },
] as const;

/** Some servers leave out every name with a control character, the tab included. */
function awkwardOn({ features }: Fixture): readonly string[] {
  const omitsControls = features.omits?.includes('carriage-return') === true;
  return omitsControls ? awkward.filter((name) => !/\p{Cc}/u.test(name)) : awkward;
}

/** Names arrive exactly and can be asked for again; what the protocol cannot carry makes the directory partial. */
export function nameCases(fixture: () => Fixture): void {
  describe('names', () => {
    it('lists awkward file names exactly', async () => {
      const { local, remote } = await scratch(fixture());
      const names = awkwardOn(fixture());
      await writeFiles(local, names);
      const listing = await withSession(fixture().remote, (s) => listComplete(s, remote));
      assert.deepEqual(namesOf(listing), [...names].sort());
      for (const entry of listing.entries)
        assert.equal(entry.size, Buffer.byteLength(entry.name), entry.name);
    });

    it('lists directories of awkward names, each its own content', async (t) => {
      const { local, remote } = await scratch(fixture());
      const names = awkwardOn(fixture());
      for (const [index, name] of names.entries()) {
        await mkdir(join(local, name));
        await writeFiles(join(local, name), [`only-in-${index}`]);
      }
      const listings = await withSession(fixture().remote, (s) =>
        listAll(
          s,
          names.map((name) => remotePath(remote, name)),
        ),
      );
      for (const [index, name] of names.entries()) {
        const listing = listings.get(remotePath(remote, name));
        assert.ok(listing);
        if (fixture().features.unreachable?.test(name) === true && listing.status === 'partial') {
          t.diagnostic(`this server cannot be asked for ${JSON.stringify(name)}`);
          assert.deepEqual(listing.entries, [], name);
          continue;
        }
        assertComplete(listing);
        assert.deepEqual(namesOf(listing), [`only-in-${index}`], name);
      }
    });

    it('does not take one name for a pattern of another', async () => {
      const { local, remote } = await scratch(fixture());
      for (const name of ['glob1', 'globa', 'back']) {
        await mkdir(join(local, name));
        await writeFiles(join(local, name), ['wrong']);
      }
      const missing = ['glob[1]', 'glob*', 'glob?', 'back\\', '"glob1"', 'glob1 '].map((name) =>
        remotePath(remote, name),
      );
      const listings = await withSession(fixture().remote, (s) => listAll(s, missing));
      for (const listing of listings.values()) {
        assert.equal(listing.status, 'partial', listing.path);
        assert.deepEqual(listing.entries, [], listing.path);
      }
    });

    for (const { name, trait } of hostile) {
      const title = JSON.stringify(name.toString('latin1'));
      it(`never misreports ${title}`, async (t) => {
        const { local, remote } = await scratch(fixture());
        await writeFile(rawPath(local, name), 'x');
        await writeFiles(local, ['neighbour']);
        const listing = await withSession(fixture().remote, (s) => listOne(s, remote));
        if (fixture().features.exactNames) assertComplete(listing);
        if (listing.status === 'partial') return;
        const omitted = fixture().features.omits?.includes(trait) === true;
        if (omitted) t.diagnostic(`this server leaves out names with ${trait}`);
        assert.deepEqual(
          namesOf(listing),
          (omitted ? ['neighbour'] : ['neighbour', nameFromBytes(name)]).sort(),
        );
      });
    }

    it('asks for a directory whose name is not UTF-8 by its bytes', async () => {
      const { local, remote } = await scratch(fixture());
      const name = bytesOf('sp\xe9cial');
      await mkdir(rawPath(local, name));
      await writeFile(Buffer.concat([rawPath(local, name), bytesOf('/inner')]), 'x');
      const listing = await withSession(fixture().remote, (s) => listComplete(s, remotePath(remote, name)));
      assert.deepEqual(namesOf(listing), ['inner']);
    });
  });
}
