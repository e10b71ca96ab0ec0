import type { Config } from '../../../shared/config/config.ts';
import { InvalidInput, StateUnusable } from '../../../shared/failure.ts';
import { type State, type WatchKey, type WatchRecord, watchKey } from '../../../shared/state/state.ts';
import { compileSelection, type Selection } from '../../../shared/tree/selection.ts';
import type { NamedWatch } from '../home.ts';

/**
 * Finds a watch of a deployment by its name, or by `tenant/name` where tenants share one. Watches that no
 * configuration names any more are found too, behind those that are active.
 */
export async function watchOf(
  state: State,
  stack: string,
  name: string,
  config?: Config,
): Promise<NamedWatch> {
  const configured = config?.watches.get(name);
  const wanted = configured === undefined ? name : watchKey(configured);
  const watches = await state.watches();
  const found = watches.filter(({ key }) => key === wanted || nameOf(key) === wanted);
  const active = found.filter((watch) => watch.active);
  const [watch, another] = active.length > 0 ? active : found;
  if (watch === undefined) throw noWatch(watches, stack, name);
  if (another !== undefined) {
    throw new InvalidInput(`several tenants of ${stack} have a watch ${JSON.stringify(name)}`, {
      advice: `Say which: ${found.map(({ key }) => key).join(', ')}.`,
    });
  }
  return { key: watch.key, root: watch.root, selection: selections(state) };
}

function noWatch(watches: readonly WatchRecord[], stack: string, name: string): InvalidInput {
  const active = watches.filter((watch) => watch.active).map(({ key }) => nameOf(key));
  const shared = new Set(active.filter((each, index) => active.indexOf(each) !== index));
  const names = watches
    .filter((watch) => watch.active)
    .map(({ key }) => (shared.has(nameOf(key)) ? key : nameOf(key)));
  return new InvalidInput(`the deployment ${stack} has no watch ${JSON.stringify(name)}`, {
    advice:
      names.length > 0
        ? `It has: ${names.join(', ')}.`
        : 'It has none: the planner enrols those of the configuration within a minute of each deployment.',
  });
}

function nameOf(key: WatchKey): string {
  return key.slice(key.indexOf('/') + 1);
}

/**
 * A deployment's rules are those that its directories were listed under; of the files there consumers know, also where a
 * partial listing found them under newer rules.
 */
function selections(state: State): (scope: string) => Promise<Selection> {
  const known = new Map<string, Selection>();
  return async (scope) => {
    const found = known.get(scope);
    if (found !== undefined) return found;
    const rules = await state.scopeRules(scope);
    if (rules === undefined) throw new StateUnusable(`the state has lost the rules of scope ${scope}`);
    const listed = compileSelection(rules);
    const selection: Selection = {
      ...listed,
      admits: (path, kind) => kind === 'file' || listed.admits(path, kind),
    };
    known.set(scope, selection);
    return selection;
  };
}
