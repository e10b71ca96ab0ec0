import type { Data } from './data.ts';
import { dataAt, isData } from './data.ts';
import { nearest } from './nearest.ts';
import { presets } from './presets.ts';
import type { Issue, KeyPath } from './problems.ts';
import { duration, size } from './values.ts';

const anyDuration = duration('0ms', '365d');
const anySize = size();

interface Scope {
  readonly name: string;
  readonly watch: Data;
  readonly defaults: Data;
  readonly servers: Data;
}

export function watchIssues(data: unknown): readonly Issue[] {
  const defaults = dataAt(data, 'defaults');
  const servers = dataAt(data, 'servers');
  const watches = dataAt(data, 'watches');
  return [
    ...scheduleIssues(defaults, ['defaults']),
    ...Object.entries(watches).flatMap(([name, watch]) => {
      if (!isData(watch)) return [];
      const scope = { name, watch, defaults, servers };
      return [
        ...serverIssues(scope),
        ...rootIssues(scope),
        ...scheduleIssues(watch, ['watches', name]),
        ...timezoneIssues(scope),
        ...paceIssues(scope),
        ...limitIssues(scope),
        ...formerNameIssues(scope, watches),
      ];
    }),
  ];
}

/** The value in force, and the key that set it. */
function inForce({ name, watch, defaults }: Scope, key: string): { value: unknown; path: KeyPath } {
  return watch[key] === undefined && defaults[key] !== undefined
    ? { value: defaults[key], path: ['defaults', key] }
    : { value: watch[key], path: ['watches', name, key] };
}

function serverIssues(scope: Scope): readonly Issue[] {
  const { value, path } = inForce(scope, 'server');
  if (typeof value === 'string' ? Object.hasOwn(scope.servers, value) : value !== undefined) return [];
  const known = Object.keys(scope.servers);
  const choices = known.length === 0 ? 'a server; there is none' : `one of the servers ${known.join(', ')}`;
  if (typeof value !== 'string')
    return [{ path, at: 'key', message: 'this key is missing', expected: choices }];
  const suggestion = nearest(value, known);
  const expected = suggestion === undefined ? choices : undefined;
  return [{ path, at: 'value', message: 'no server has this name', expected, suggestion }];
}

function rootIssues(scope: Scope): readonly Issue[] {
  const { value, path } = inForce(scope, 'root');
  if (value === undefined) {
    return [{ path, at: 'key', message: 'this key is missing', expected: 'the directory to watch' }];
  }
  if (typeof value !== 'string' || value === '') return [];
  const issue = (message: string): readonly Issue[] => [{ path, at: 'value', message }];
  const server = inForce(scope, 'server').value;
  const protocol = typeof server === 'string' ? dataAt(scope.servers, server)['protocol'] : undefined;
  if (protocol === 'local') {
    return /^~/.test(value) ? issue('~ is a matter of shells; write the path out') : [];
  }
  if (protocol === undefined) return [];
  if (!value.startsWith('/')) return issue('must be absolute on the server: begin it with /');
  // A server may resolve `..` through symbolic links, so that no text says which directory is meant.
  if (value.split('/').some((part) => part === '.' || part === '..')) {
    return issue('must not contain . or ..; write the path that they stand for');
  }
  return typeof protocol === 'string' && protocol.startsWith('ftp') && /[\r\n]/.test(value)
    ? issue('FTP cannot express a path with a line break')
    : [];
}

function scheduleIssues(keys: Data, path: KeyPath): readonly Issue[] {
  return keys['every'] !== undefined && keys['cron'] !== undefined
    ? [{ path: [...path, 'cron'], at: 'key', message: 'every and cron exclude each other; remove one' }]
    : [];
}

function timezoneIssues({ name, watch, defaults }: Scope): readonly Issue[] {
  const cron = watch['cron'] ?? (watch['every'] === undefined ? defaults['cron'] : undefined);
  return watch['timezone'] !== undefined && cron === undefined
    ? [{ path: ['watches', name, 'timezone'], at: 'key', message: 'has a meaning with cron only' }]
    : [];
}

function paceIssues(scope: Scope): readonly Issue[] {
  const { value, path } = inForce(scope, 'maxStaleness');
  const pace = inForce(scope, 'pace');
  if (pace.value !== 'adaptive') {
    const own = scope.watch['maxStaleness'] !== undefined;
    return own ? [{ path, at: 'key', message: 'has a meaning with pace: adaptive only' }] : [];
  }
  const every = anyDuration.safeParse(inForce(scope, 'every').value ?? '5m').data;
  const staleness = anyDuration.safeParse(value ?? '1h').data;
  if (inForce(scope, 'cron').value !== undefined || every === undefined || staleness === undefined) return [];
  if (staleness > every) return [];
  return value === undefined
    ? [
        {
          path: pace.path,
          at: 'value',
          message: 'maxStaleness is 1h if not set, and must be longer than every',
        },
      ]
    : [
        {
          path,
          at: 'value',
          message: 'must be longer than every: a scan looks at a part of the cold directories',
        },
      ];
}

function limitIssues(scope: Scope): readonly Issue[] {
  const least = inForce(scope, 'minFileSize');
  const most = inForce(scope, 'maxFileSize');
  const minimum = anySize.safeParse(least.value).data;
  const maximum = anySize.safeParse(most.value).data;
  return [
    ...(minimum !== undefined && maximum !== undefined && minimum > maximum
      ? [
          {
            path: least.path,
            at: 'value' as const,
            message: 'is more than maxFileSize: no file would remain',
          },
        ]
      : []),
    ...scaleIssues(scope),
  ];
}

/** A scan whose deadline is shorter than one task could never renew it (protocol rule 6). */
function scaleIssues({ name, watch, defaults }: Scope): readonly Issue[] {
  const own = scaleKeys(watch['scale']);
  const common = scaleKeys(defaults['scale']);
  const scale: Data = { ...common, ...own };
  const preset = Object.entries(presets).find(([key]) => key === (scale['preset'] ?? 'medium'))?.[1];
  const budget = anyDuration.safeParse(scale['taskBudget']).data ?? preset?.taskBudgetMs;
  const deadline = anyDuration.safeParse(scale['deadline']).data ?? preset?.deadlineMs;
  if (budget === undefined || deadline === undefined || deadline > budget) return [];
  const owner =
    own['deadline'] !== undefined || own['taskBudget'] !== undefined ? ['watches', name] : ['defaults'];
  const key = scale['deadline'] === undefined ? 'taskBudget' : 'deadline';
  return [
    { path: [...owner, 'scale', key], at: 'value', message: 'the deadline must be longer than taskBudget' },
  ];
}

function scaleKeys(scale: unknown): Data {
  return typeof scale === 'string' ? { preset: scale } : isData(scale) ? scale : {};
}

function formerNameIssues({ name, watch }: Scope, watches: Data): readonly Issue[] {
  const was = watch['was'];
  if (typeof was !== 'string') return [];
  const issue = (message: string): readonly Issue[] => [
    { path: ['watches', name, 'was'], at: 'value', message },
  ];
  if (was === name) return issue('is the name that the watch has; remove it');
  if (Object.hasOwn(watches, was)) return issue('a watch of this name exists still');
  const claimed = Object.entries(watches).find(([, other]) => isData(other) && other['was'] === was);
  return claimed !== undefined && claimed[0] !== name
    ? issue(`another watch, ${claimed[0]}, takes over this state already`)
    : [];
}
