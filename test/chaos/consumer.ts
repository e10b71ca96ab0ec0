import type { Change } from '../../shared/changes/change.ts';

/** The consumer that the protocol describes: one thing at a path, the newest report of it. */
export function consume(changes: readonly Change[]): ReadonlyMap<string, string> {
  const tree = new Map<string, string>();
  const last = new Map<string, string>();
  const ids = new Set<string>();
  const put = (path: string, sequence: string, look: string | null) => {
    if ((last.get(path) ?? '') >= sequence) return;
    last.set(path, sequence);
    if (look === null) tree.delete(path);
    else tree.set(path, look);
  };
  for (const { id, sequence, path, from, kind, type, new: facts } of changes) {
    if (ids.has(id)) continue;
    ids.add(id);
    if (from !== undefined) put(from, sequence, null);
    put(path, sequence, type === 'deleted' ? null : `${kind} ${facts?.size ?? null}`);
  }
  return tree;
}
