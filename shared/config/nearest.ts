import { distance } from 'fastest-levenshtein';

/** The choice that a mistyped word most likely stands for, if any is near enough to be worth saying. */
export function nearest(word: string, choices: readonly string[]): string | undefined {
  const ranked = choices
    .map((choice) => ({ choice, edits: distance(squash(word), squash(choice)) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= allowance(best.choice) ? best.choice : undefined;
}

/** Two edits make a swap of letters, the commonest slip, yet would turn one short word into another. */
function allowance(choice: string): number {
  return choice.length < 4 ? 1 : Math.max(2, Math.floor(choice.length / 3));
}

/** `connect_timeout`, `Connect-Timeout` and `connectTimeout` are one word. */
export function squash(word: string): string {
  return word.toLowerCase().replaceAll(/[-._]/g, '');
}
