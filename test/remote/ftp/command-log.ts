import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What ProFTPD was asked, by its own account. */
export class CommandLog implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'farwatch-commands-'));
  readonly #file = join(this.#folder, 'log');
  /** For its configuration. */
  readonly lines: readonly string[] = ['LogFormat commands "%r"', `ExtendedLog ${this.#file} ALL commands`];

  constructor() {
    writeFileSync(this.#file, '');
  }

  /** Since the last call: how many of them begin with each of these. */
  take(...beginnings: readonly string[]): readonly number[] {
    const commands = readFileSync(this.#file, 'latin1').split('\n');
    writeFileSync(this.#file, '');
    return beginnings.map((beginning) => commands.filter((command) => command.startsWith(beginning)).length);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
