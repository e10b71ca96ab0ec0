import { type Key, keyText } from './attributes.ts';

/** Which directories were seen with something held: a guess that saves a refused transaction, no more. */
export class HeldMemory extends Set<string> {
  note(key: Key, held: boolean): void {
    if (this.size > 100_000) this.clear();
    if (held) this.add(keyText(key));
    else this.delete(keyText(key));
  }
}
