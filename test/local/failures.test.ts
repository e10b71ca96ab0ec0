import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { families } from './families.ts';
import { logIn } from './home.ts';
import { summary } from './mirror.ts';
import { listenMutely } from './mute-server.ts';
import { assertOneFailure, Scene, survives } from './scene.ts';

for (const kind of families) {
  describe(kind.name, { concurrency: 3 }, () => {
    it('dead server', async (t) => {
      const scene = new Scene(t, await kind.start());
      await survives(scene, {
        harm: () => scene.server.crash(),
        says: /refuses connections/,
        heal: () => scene.server.restart(),
      });
    });

    it('a server that accepts and says nothing', async (t) => {
      const scene = new Scene(t, await kind.start());
      let mute: { readonly close: () => Promise<void> } | undefined;
      await survives(scene, {
        harm: async () => {
          await scene.server.crash();
          scene.configure({ connectTimeout: '1s', responseTimeout: '1s' });
          mute = await listenMutely(t, scene.server.config.port);
        },
        says: /in time|no answer|silent/,
        heal: async () => {
          await mute?.close();
          scene.configure();
          await scene.server.restart();
        },
      });
    });

    it('wrong password: said, not tried again, and forgiven at once when it is corrected', async (t) => {
      const scene = new Scene(t, await kind.start());
      if (scene.server.config.password === undefined) {
        t.skip('this server takes keys only');
        return;
      }
      await scene.silent();
      const expected = scene.edit();
      const wrong = { auth: { password: 'env:WRONG_PASSWORD' } };
      scene.home.env('WRONG_PASSWORD', 'not-the-password');
      scene.configure(wrong);
      const first = await scene.home.once();
      assertOneFailure(first, /login/);
      assert.doesNotMatch(first.stderr, /not-the-password/);
      // Nobody listens any more: had it tried again, it would say so.
      await scene.server.crash();
      assertOneFailure(await scene.home.once(), /login/);
      await scene.server.restart();
      scene.configure();
      await scene.reports(expected);
    });

    it('missing root', async (t) => {
      const scene = new Scene(t, await kind.start());
      await survives(scene, {
        harm: () => scene.hide(),
        says: /watched could not be listed/,
        heal: () => scene.show(),
      });
    });

    it('a root that is a file', async (t) => {
      const scene = new Scene(t, await kind.start());
      await survives(scene, {
        harm: () => {
          scene.hide();
          writeFileSync(scene.local(), 'no directory');
        },
        says: /watched could not be listed/,
        heal: () => {
          rmSync(scene.local());
          scene.show();
        },
      });
    });

    it('unreadable subdirectory: the rest is reported, nothing below it is deleted', async (t) => {
      const scene = new Scene(t, await kind.start());
      if (!scene.server.facts.enforcesPermissions) {
        t.skip('sessions of this server may read everything');
        return;
      }
      await scene.silent();
      const expected = scene.edit();
      scene.write('deep/er/f.csv', 'new below');
      chmodSync(scene.local('deep'), 0);
      const blind = await scene.home.once();
      chmodSync(scene.local('deep'), 0o755);
      assert.equal(blind.code, 1, blind.stderr);
      assert.deepEqual(summary(blind.changes), expected);
      const errors = logIn(blind.stderr).filter((line) => line.level === 'error');
      assert.equal(errors.length, 1, blind.stderr);
      assert.ok(blind.stderr.includes(scene.remote('deep')), blind.stderr);
      await scene.reports([`created file ${scene.remote('deep/er/f.csv')}`]);
    });

    it('an empty root is believed at the second scan', async (t) => {
      const scene = new Scene(t, await kind.start());
      await scene.silent();
      for (const name of ['a.csv', 'b.csv', 'in', 'deep']) rmSync(scene.local(name), { recursive: true });
      await scene.silent();
      await scene.reports([
        ...['a.csv', 'b.csv', 'in/c.csv', 'deep/d.csv', 'deep/er/e.csv'].map(
          (name) => `deleted file ${scene.remote(name)}`,
        ),
        ...['in', 'deep', 'deep/er'].map((name) => `deleted directory ${scene.remote(name)}`),
      ]);
      await scene.silent();
    });

    it('a root that was empty for one scan lost nothing', async (t) => {
      const scene = new Scene(t, await kind.start());
      await survivesSilently(scene);
    });
  });
}

/** Like a mount that comes and goes. */
async function survivesSilently(scene: Scene): Promise<void> {
  await scene.silent();
  scene.hide();
  const empty = scene.local();
  mkdirSync(empty);
  await scene.silent();
  rmdirSync(empty);
  scene.show();
  await scene.silent();
  await scene.reports(scene.edit());
}
