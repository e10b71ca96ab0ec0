import type { Data } from './data.ts';
import { dataAt, isData, listAt } from './data.ts';
import { nearest } from './nearest.ts';
import { isHeaderName } from './outputs.ts';
import type { Issue, KeyPath } from './problems.ts';
import { isName, NAME_RULE } from './values.ts';
import { watchIssues } from './watch-consistency.ts';

/**
 * What keys say about one another. Works on the data as written, whether the schema accepts them or not, so that
 * these errors are reported together with those of the schema.
 */
export function consistencyIssues(data: unknown): readonly Issue[] {
  return [
    ...nameIssues(data, 'servers'),
    ...nameIssues(data, 'watches'),
    ...Object.entries(dataAt(data, 'servers')).flatMap(([name, server]) =>
      authIssues(server, ['servers', name]),
    ),
    ...watchIssues(data),
    ...outputIssues(data),
  ];
}

function nameIssues(data: unknown, key: 'servers' | 'watches'): readonly Issue[] {
  return Object.keys(dataAt(data, key))
    .filter((name) => !isName(name))
    .map((name) => ({ path: [key, name], at: 'key', message: NAME_RULE }));
}

function authIssues(server: unknown, path: KeyPath): readonly Issue[] {
  if (!isData(server) || server['protocol'] !== 'sftp' || !isData(server['auth'])) return [];
  const { password, privateKey, passphrase } = server['auth'];
  const issue = (key: string, message: string): Issue => ({
    path: [...path, 'auth', key],
    at: 'key',
    message,
  });
  return [
    ...(password === undefined && privateKey === undefined
      ? [issue('password', 'this key is missing; write password, or privateKey')]
      : []),
    ...(password !== undefined && privateKey !== undefined
      ? [issue('privateKey', 'password and privateKey exclude each other; remove one')]
      : []),
    ...(passphrase !== undefined && privateKey === undefined
      ? [issue('passphrase', 'belongs to a privateKey, and there is none')]
      : []),
  ];
}

function outputIssues(data: unknown): readonly Issue[] {
  const outputs = listAt(data, 'outputs');
  const watches = Object.keys(dataAt(data, 'watches'));
  const taken = new Set<unknown>();
  return outputs.filter(isData).flatMap((output) => {
    const path = ['outputs', outputs.indexOf(output)];
    const repeated = taken.has(output['name']);
    if (output['name'] !== undefined) taken.add(output['name']);
    return [
      ...(repeated
        ? [{ path: [...path, 'name'], at: 'value' as const, message: 'another output has this name' }]
        : []),
      ...unknownWatches(output, path, watches),
      ...headerIssues(output, path),
    ];
  });
}

function unknownWatches(output: Data, path: KeyPath, watches: readonly string[]): readonly Issue[] {
  return listAt(output, 'watches').flatMap((watch, index): readonly Issue[] =>
    typeof watch !== 'string' || watches.includes(watch)
      ? []
      : [
          {
            path: [...path, 'watches', index],
            at: 'value',
            message: 'no watch has this name',
            suggestion: nearest(watch, watches),
          },
        ],
  );
}

function headerIssues(output: Data, path: KeyPath): readonly Issue[] {
  const names = Object.keys(dataAt(output, 'headers'));
  return names.flatMap((name, index): readonly Issue[] => {
    const at = { path: [...path, 'headers', name], at: 'key' as const };
    if (!isHeaderName(name)) return [{ ...at, message: 'not the name of an HTTP header' }];
    const repeated = names.slice(0, index).some((other) => other.toLowerCase() === name.toLowerCase());
    return repeated ? [{ ...at, message: 'this header stands twice, in other capitals' }] : [];
  });
}
