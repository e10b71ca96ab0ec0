import assert from 'node:assert/strict';
import { chmod, mkdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { precisionMs } from '../../shared/tree/entry.ts';
import type { Listing } from '../../shared/tree/listing.ts';
import {
  byName,
  type Fixture,
  listAll,
  listComplete,
  listOne,
  namesOf,
  scratch,
  withSession,
  writeFiles,
} from './fixture.ts';

/** What a listing says of files, directories and links, and when it may call itself complete. */
export function entryCases(fixture: () => Fixture): void {
  describe('entries', () => {
    it('lists files and directories with kind and size', async () => {
      const { local, remote } = await scratch(fixture());
      await writeFile(join(local, 'empty.txt'), '');
      await writeFile(join(local, 'ten.bin'), Buffer.alloc(10));
      await mkdir(join(local, 'inner'));
      await writeFile(join(local, 'inner', 'deep.txt'), 'deep');
      const entries = byName((await withSession(fixture().remote, (s) => listComplete(s, remote))).entries);
      assert.deepEqual([...entries.keys()].sort(), ['empty.txt', 'inner', 'ten.bin']);
      assert.deepEqual([entries.get('empty.txt')?.kind, entries.get('empty.txt')?.size], ['file', 0]);
      assert.deepEqual([entries.get('ten.bin')?.kind, entries.get('ten.bin')?.size], ['file', 10]);
      assert.deepEqual([entries.get('inner')?.kind, entries.get('inner')?.size], ['directory', null]);
    });

    it('says modification times within the precision it claims', async () => {
      const { local, remote } = await scratch(fixture());
      const times = {
        recent: Math.floor(Date.now() / 1000) - 3_600,
        old: Date.UTC(2001, 8, 9, 1, 46, 40) / 1000,
        future: Date.UTC(2040, 1, 29, 12, 34, 56) / 1000,
        ancient: Date.UTC(1969, 11, 30, 23, 59, 58) / 1000,
      };
      for (const [name, seconds] of Object.entries(times)) {
        await writeFile(join(local, name), name);
        // As a Date: Node takes a negative number for "now".
        const time = new Date(seconds * 1000);
        await utimes(join(local, name), time, time);
      }
      const entries = byName((await withSession(fixture().remote, (s) => listComplete(s, remote))).entries);
      for (const [name, seconds] of Object.entries(times)) {
        const entry = entries.get(name);
        assert.ok(entry, name);
        if (fixture().features.exactTimes) {
          assert.ok(
            entry.precision === 'second' || entry.precision === 'millisecond',
            `${name}: ${entry.precision}`,
          );
        }
        if (entry.precision === 'none') {
          assert.equal(entry.modifiedAt, null);
          continue;
        }
        assert.ok(entry.modifiedAt !== null, name);
        const lead = seconds * 1000 - entry.modifiedAt;
        assert.ok(
          lead >= 0 && lead < precisionMs[entry.precision],
          `${name} is off by ${lead} ms at ${entry.precision}`,
        );
      }
    });

    it('says sizes over 4 GiB', async () => {
      const { local, remote } = await scratch(fixture());
      const size = 5 * 2 ** 30 + 7;
      await writeFile(join(local, 'huge.bin'), '');
      await truncate(join(local, 'huge.bin'), size);
      const listing = await withSession(fixture().remote, (s) => listComplete(s, remote));
      await rm(join(local, 'huge.bin'));
      assert.equal(byName(listing.entries).get('huge.bin')?.size, size);
    });

    it('calls an empty directory complete', async () => {
      const { remote } = await scratch(fixture());
      const listing = await withSession(fixture().remote, (s) => listComplete(s, remote));
      assert.deepEqual(listing.entries, []);
    });

    it('never calls a missing directory complete, and goes on with the others', async () => {
      const { local, remote } = await scratch(fixture());
      await mkdir(join(local, 'here'));
      await writeFiles(join(local, 'here'), ['a']);
      const paths = [`${remote}/gone`, `${remote}/here`, `${remote}/gone/deeper`];
      const listings = await withSession(fixture().remote, (s) => listAll(s, paths));
      refusedAs(fixture(), listings.get(`${remote}/gone`), 'not-found');
      refusedAs(fixture(), listings.get(`${remote}/gone/deeper`), 'not-found');
      const here = listings.get(`${remote}/here`);
      assert.deepEqual([here?.status, here && namesOf(here)], ['complete', ['a']]);
    });

    it('calls an unreadable directory partial', async (t) => {
      if (!fixture().features.unreadable) {
        t.skip('this server runs with the privileges of root: every directory is readable');
        return;
      }
      const { local, remote } = await scratch(fixture());
      await mkdir(join(local, 'locked'));
      await writeFiles(join(local, 'locked'), ['secret']);
      await chmod(join(local, 'locked'), 0);
      const paths = [remote, `${remote}/locked`];
      const listings = await withSession(fixture().remote, (s) => listAll(s, paths));
      await chmod(join(local, 'locked'), 0o755);
      assert.equal(listings.get(remote)?.status, 'complete');
      refusedAs(fixture(), listings.get(`${remote}/locked`), 'denied');
    });

    it('calls a file, asked for as a directory, partial', async () => {
      const { local, remote } = await scratch(fixture());
      await writeFiles(local, ['plain']);
      const listing = await withSession(fixture().remote, (s) => listOne(s, `${remote}/plain`));
      assert.equal(listing.status, 'partial');
      assert.deepEqual(listing.entries, []);
    });

    it('sees a file replaced by a directory, and back', async () => {
      const { local, remote } = await scratch(fixture());
      await writeFiles(local, ['shape']);
      await withSession(fixture().remote, async (session) => {
        const kind = async () => byName((await listComplete(session, remote)).entries).get('shape')?.kind;
        assert.equal(await kind(), 'file');
        await rm(join(local, 'shape'));
        await mkdir(join(local, 'shape'));
        assert.equal(await kind(), 'directory');
        await rm(join(local, 'shape'), { recursive: true });
        await writeFiles(local, ['shape']);
        assert.equal(await kind(), 'file');
      });
    });

    it('shows hidden names', async (t) => {
      if (!fixture().features.hidden) {
        t.skip('this server hides names that begin with a dot');
        return;
      }
      const { local, remote } = await scratch(fixture());
      await writeFiles(local, ['.hidden', '..odd', '...', 'plain']);
      await mkdir(join(local, '.config'));
      await writeFiles(join(local, '.config'), ['.inner']);
      const listings = await withSession(fixture().remote, (s) => listAll(s, [remote, `${remote}/.config`]));
      assert.deepEqual(named(listings.get(remote)), ['...', '..odd', '.config', '.hidden', 'plain'].sort());
      assert.deepEqual(named(listings.get(`${remote}/.config`)), ['.inner']);
    });

    it('reports links as links and does not follow them', async (t) => {
      if (!fixture().features.links) {
        t.skip('this server does not show links as links');
        return;
      }
      const { local, remote } = await scratch(fixture());
      await mkdir(join(local, 'real'));
      await writeFiles(join(local, 'real'), ['inside']);
      await symlink('real', join(local, 'to-directory'));
      await symlink('real/inside', join(local, 'to-file -> odd'));
      await symlink('.', join(local, 'circle'));
      const broken = fixture().features.omits?.includes('broken-link') !== true;
      if (broken) {
        await symlink('nowhere', join(local, 'broken'));
        await symlink('self', join(local, 'self'));
      }
      const listing = await withSession(fixture().remote, (s) => listComplete(s, remote));
      const kinds = Object.fromEntries([...listing.entries].map((entry) => [entry.name, entry.kind]));
      assert.deepEqual(kinds, {
        real: 'directory',
        'to-directory': 'link',
        'to-file -> odd': 'link',
        circle: 'link',
        ...(broken ? { broken: 'link', self: 'link' } : {}),
      });
    });

    it('opens a requested path as it is given, even where it is a link', async () => {
      const { local, remote } = await scratch(fixture());
      await mkdir(join(local, 'real'));
      await writeFiles(join(local, 'real'), ['inside']);
      await symlink('real', join(local, 'root-link'));
      const listing = await withSession(fixture().remote, (s) => listComplete(s, `${remote}/root-link`));
      assert.deepEqual(namesOf(listing), ['inside']);
    });
  });
}

function named(listing: Listing | undefined): readonly string[] {
  assert.equal(listing?.status, 'complete');
  return namesOf(listing);
}

function refusedAs(fixture: Fixture, listing: Listing | undefined, reason: 'not-found' | 'denied'): void {
  assert.equal(listing?.status, 'partial', 'what cannot be read is never complete');
  assert.deepEqual(listing.entries, []);
  assert.ok(listing.detail.length > 0);
  const accepted = fixture.features.vagueRefusals ? ['not-found', 'denied', 'unproved', 'refused'] : [reason];
  assert.ok(accepted.includes(listing.reason), `${listing.reason}: ${listing.detail}`);
}
