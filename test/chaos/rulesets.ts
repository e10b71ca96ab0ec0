import assert from 'node:assert/strict';
import {
  compileSelection,
  type Selection,
  type SelectionRules,
  selectionDigest,
} from '../../shared/tree/selection.ts';
import { everything } from './bench.ts';

/** What configurations may come to select, one after another. */
export const rulesets: readonly SelectionRules[] = [
  everything,
  { ...everything, exclude: [{ type: 'glob', pattern: 'b/**' }] },
  { ...everything, include: [{ type: 'glob', pattern: '**/a' }] },
  { ...everything, kinds: ['file'] },
  { ...everything, maxDepth: 2 },
  {
    ...everything,
    include: [{ type: 'glob', pattern: 'a/b/**' }],
    exclude: [{ type: 'glob', pattern: '**/c' }],
  },
];
const selections = new Map(rulesets.map((rules) => [selectionDigest(rules), compileSelection(rules)]));

export function selectionOf(scope: string): Selection {
  const selection = selections.get(scope);
  assert.ok(selection, `scope ${scope} is known`);
  return selection;
}
