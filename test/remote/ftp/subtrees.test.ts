import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { proftpdMissing } from '../../servers/proftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import { directories, longAgo, withTree } from './known-tree.ts';

void describe('ProFTPD: a subtree at once', {
  skip: skipReason({ name: 'ProFTPD', available: proftpdMissing }),
  timeout: 120_000,
}, () => {
  for (const options of [{}, { tls: 'explicit' }] as const) {
    it(`shows by one LIST that nothing has changed${'tls' in options ? ', over TLS' : ''}`, () =>
      withTree(options, async ({ look, asked }) => {
        for (const _ of [1, 2]) {
          assert.equal(await look(), directories);
          // The first directory is looked at by STAT.
          assert.deepEqual(asked(), [1, 1, 0]);
        }
      }));
  }

  const changes: Readonly<Record<string, (at: (path: string) => string) => void>> = {
    'a file is created': (at) => writeFileSync(at('a/in/deep/new'), 'x'),
    'a file is deleted': (at) => rmSync(at('b/in/x')),
    'a file has another size': (at) => {
      writeFileSync(at('c/in/x'), 'another size');
      utimesSync(at('c/in/x'), longAgo, longAgo);
    },
    'a file has another time': (at) => utimesSync(at('a/x'), 1_700_000_000, 1_700_000_000),
    'the last file of all has another time': (at) => utimesSync(at('z/x'), 1_700_000_000, 1_700_000_000),
    'the first file of all has another time': (at) => utimesSync(at('top'), 1_700_000_000, 1_700_000_000),
    'a file is renamed': (at) => renameSync(at('a/y'), at('a/w')),
    'a file is moved': (at) => renameSync(at('a/y'), at('c/in/y')),
    'a directory is created': (at) => mkdirSync(at('a/new/in'), { recursive: true }),
    'a directory with all in it is deleted': (at) => rmSync(at('b'), { recursive: true }),
    'a directory is renamed': (at) => renameSync(at('a/in'), at('a/on')),
    'a directory is moved': (at) => renameSync(at('a/in'), at('c/in/in')),
    'two directories change places': (at) => {
      renameSync(at('a'), at('t'));
      renameSync(at('b'), at('a'));
      renameSync(at('t'), at('b'));
    },
    'a directory becomes a file': (at) => {
      rmSync(at('a/empty'), { recursive: true });
      writeFileSync(at('a/empty'), '');
    },
    'a link takes the place of a directory that is elsewhere now': (at) => {
      renameSync(at('b'), at('z/b'));
      symlinkSync('z/b', at('b'));
    },
    'there is a link': (at) => symlinkSync('/etc', at('b/etc')),
    'a directory cannot be read any more': (at) => chmodSync(at('b/in'), 0o300),
    'a directory cannot be entered any more': (at) => chmodSync(at('b/in'), 0o600),
    'a name has line breaks and looks like a section': (at) => writeFileSync(at('a/x\r\n\r\nb:\r\ny'), ''),
    'the name of a directory looks like a section': (at) => mkdirSync(at('a/in:\r\ndrwxr-xr-x')),
    'the name of a file has a carriage return': (at) => writeFileSync(at('a/Icon\r'), ''),
    'the target of a link looks like a section': (at) => symlinkSync('x\r\n\r\nb:\r\ny', at('a/l')),
  };
  for (const [what, change] of Object.entries(changes)) {
    for (const isFar of [false, true]) {
      it(`hides nothing where ${what}${isFar ? ', far away' : ''}`, () =>
        withTree({ isFar }, async ({ local, look }) => {
          change((path) => join(local, path));
          const enough = await look();
          assert.ok(enough > 0 && enough < directories, `${enough} looks were enough`);
          await look();
          await look();
        }));
    }
  }

  it('what has changed is described name by name the next time, far away', () =>
    withTree({ isFar: true }, async ({ local, look, asked }) => {
      writeFileSync(join(local, 'c/in/x'), 'another size');
      utimesSync(join(local, 'c/in/x'), longAgo, longAgo);
      const exactly: (number | undefined)[] = [];
      for (const enough of [directories - 1, directories - 1, directories]) {
        assert.equal(await look(), enough);
        exactly.push(asked()[2]);
      }
      assert.deepEqual(exactly, [1, 0, 0]);
    }));

  it('is asked for again below what has changed', () =>
    withTree({}, async ({ local, look, asked }) => {
      writeFileSync(join(local, 'new'), '');
      assert.equal(await look(), directories - 1);
      const [lists = 0, stats = 0, exact = 0] = asked();
      assert.ok(lists > 1 && stats <= 5 && exact === 1, String(asked()));
    }));
});
