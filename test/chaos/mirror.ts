import assert from 'node:assert/strict';
import type { Change } from '../../shared/changes/change.ts';
import { isBelow, joinPath } from '../../shared/tree/entry.ts';
import type { Selection } from '../../shared/tree/selection.ts';
import { consume } from './consumer.ts';
import { sameLook, type Witness } from './witness.ts';
import { keyOf, type World } from './world.ts';

type Known = Witness['known'];

/** That consumers know the tree as it is. `rejected`: members that stay known though they are gone. */
export function assertMirror(
  known: Known,
  world: World,
  selection: Selection,
  rejected: readonly string[],
): void {
  const left = new Map(known);
  for (const key of rejected) left.delete(key);
  for (const [path, node] of world.nodes) {
    if (node.kind === 'link' || !selection.admits(path, node.kind)) continue;
    const key = keyOf(path, node.kind);
    const entry = left.get(key);
    assert.ok(entry, `the consumer knows ${key}`);
    const size = node.kind === 'file' ? node.size : null;
    const look = { size, modifiedAt: node.modifiedAt, precision: 'second' as const };
    assert.equal(entry.facts.size, size, `the consumer knows the size of ${key}`);
    assert.ok(sameLook(entry.facts, look), `the consumer knows the time of ${key}`);
    left.delete(key);
  }
  // Directories of rejected members stay for their sake, recorded under the rules of then.
  const unknown = [...left.values()].filter(
    ({ path, kind }) =>
      rejected.length === 0 ||
      (selection.admits(path, kind) && !rejected.some((member) => isBelow(member, path))),
  );
  assert.deepEqual(unknown, [], 'the consumer knows nothing that is not there');
}

/** Protocol rule 17: what was received, in this order and with repeats, gives the tree that is known. */
export function assertConsumed(known: Known, root: string, received: readonly Change[]): void {
  const expected = new Map(
    [...known.values()].map(({ path, kind, facts }) => [joinPath(root, path), `${kind} ${facts.size}`]),
  );
  assert.deepEqual(linesOf(consume(received)), linesOf(expected), 'any order of arrival');
}

/** That exactly these were delivered, in any order and some of them again. */
export function assertDelivered(
  changes: readonly Change[],
  received: readonly Change[],
  message: string,
): void {
  const idsOf = (some: readonly Change[]) => [...new Set(some.map(({ id }) => id))].toSorted(byText);
  assert.deepEqual(idsOf(received), idsOf(changes), message);
}

function linesOf(tree: ReadonlyMap<string, string>): readonly string[] {
  return [...tree].map(([path, look]) => `${path} ${look}`).toSorted(byText);
}

export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
