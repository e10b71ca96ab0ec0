import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { giveToTestUser } from '../servers/account.ts';
import type { TestServer } from '../servers/test-server.ts';
import { type Ended, Home, logIn } from './home.ts';
import { summary } from './mirror.ts';
import { serverEntry } from './server-entry.ts';

/** A small tree on a server, watched from below the root that it serves, so that the watch's root can come and go. */
export class Scene {
  readonly home: Home;
  readonly server: TestServer;
  readonly #watch: object;
  #edits = 0;

  constructor(t: TestContext, server: TestServer, watch: object = {}) {
    t.after(() => server.stop());
    this.home = new Home(t);
    this.server = server;
    this.#watch = watch;
    mkdirSync(this.local('in'), { recursive: true });
    mkdirSync(this.local('deep/er'), { recursive: true });
    for (const name of ['a.csv', 'b.csv', 'in/c.csv', 'deep/d.csv', 'deep/er/e.csv']) this.write(name, name);
    giveToTestUser(server.localRoot);
    this.configure();
  }

  /** Path on the disk of something in the watched tree. */
  local(path = ''): string {
    return join(this.server.localRoot, 'watched', path);
  }

  /** The same path on the server. */
  remote(path = ''): string {
    const { root } = this.server;
    return `${root === '/' ? '' : root}/watched${path === '' ? '' : `/${path}`}`;
  }

  write(path: string, content: string): void {
    writeFileSync(this.local(path), content);
    giveToTestUser(this.local(path));
  }

  configure(server: Readonly<Record<string, unknown>> = {}, watch: object = {}): void {
    this.home.configure({
      servers: {
        partner: serverEntry(this.home, this.server, {
          connectTimeout: '60s',
          responseTimeout: '60s',
          idleTimeout: '1s',
          ...server,
        }),
      },
      watches: { tree: { server: 'partner', root: this.remote(), ...this.#watch, ...watch } },
      outputs: [{ type: 'stdout' }],
    });
  }

  /** Creates, modifies and deletes a file, and returns what must be reported of it. */
  edit(): readonly string[] {
    this.#edits += 1;
    const [doomed, made] = [`in/doomed-${this.#edits - 1}.csv`, `in/doomed-${this.#edits}.csv`];
    const removed = this.#edits === 1 ? 'b.csv' : doomed;
    rmSync(this.local(removed));
    this.write(made, `${made} is new`);
    this.write('a.csv', 'x'.repeat(100 * this.#edits));
    return [
      `created file ${this.remote(made)}`,
      `deleted file ${this.remote(removed)}`,
      `modified file ${this.remote('a.csv')}`,
    ];
  }

  async silent(): Promise<void> {
    await this.reports([]);
  }

  async reports(expected: readonly string[]): Promise<void> {
    const { code, stderr, changes } = await this.home.once();
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(summary(changes), expected.toSorted());
  }

  hide(): void {
    renameSync(this.local(), `${this.local()}-elsewhere`);
  }

  show(): void {
    renameSync(`${this.local()}-elsewhere`, this.local());
  }
}

/** A run that could not look: exit code 1, nothing on standard output, one line that says what and what to do. */
export function assertOneFailure(ended: Ended, says: RegExp): void {
  assert.equal(ended.code, 1, ended.stderr);
  assert.equal(ended.stdout, '');
  const lines = logIn(ended.stderr).filter((line) => line.level === 'error');
  assert.equal(lines.length, 1, ended.stderr);
  const [line] = lines;
  assert.match(line?.msg ?? '', says);
  assert.equal(line?.['server'], 'partner');
  assert.match(String(line?.['advice']), /\w{3,} \w+/);
}

interface Accident {
  readonly harm: () => Promise<void> | void;
  readonly says: RegExp;
  readonly heal: () => Promise<void> | void;
}

/** Baseline, accident, failing run, repair: then exactly what changed in between. */
export async function survives(scene: Scene, { harm, says, heal }: Accident): Promise<void> {
  await scene.silent();
  const expected = scene.edit();
  await harm();
  assertOneFailure(await scene.home.once(), says);
  await heal();
  await scene.reports(expected);
  await scene.silent();
}
