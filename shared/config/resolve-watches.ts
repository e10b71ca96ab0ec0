import { posix, resolve } from 'node:path';
import type { ScanLimits, ServerConfig, WatchConfig } from './config.ts';
import { defaultScale, type presets } from './presets.ts';
import type { ParsedDefaults, ParsedWatch } from './watches.ts';

const FIVE_MINUTES = 5 * 60 * 1000;
const hour = 60 * 60 * 1000;

export function resolveWatch(
  name: string,
  own: ParsedWatch,
  defaults: ParsedDefaults,
  servers: ReadonlyMap<string, ServerConfig>,
  directory: string,
  scales: typeof presets,
): WatchConfig {
  const keys: ParsedWatch = { ...defaults, ...own };
  const server = keys.server === undefined ? undefined : servers.get(keys.server);
  if (server === undefined || keys.root === undefined) {
    throw new TypeError('consistency.ts lets no watch without server or root pass');
  }
  const deletes = { ...defaults.deletes, ...own.deletes };
  return {
    name,
    ...(own.was && { was: own.was }),
    tenant: keys.tenant ?? 'default',
    server: server.name,
    root: server.protocol === 'local' ? resolve(directory, keys.root) : tidy(keys.root),
    selection: {
      include: keys.include ?? [],
      exclude: keys.exclude ?? [],
      caseSensitive: keys.caseSensitive ?? true,
      hidden: keys.hidden ?? true,
      maxDepth: keys.maxDepth ?? null,
      minFileSize: keys.minFileSize ?? null,
      maxFileSize: keys.maxFileSize ?? null,
      kinds: kinds(keys.kinds),
    },
    schedule: schedule(own, defaults),
    maxStalenessMs: keys.pace === 'adaptive' ? (keys.maxStaleness ?? hour) : null,
    initial: keys.initial ?? 'baseline',
    settleMs: keys.settle ?? 0,
    deletes: {
      confirm: deletes.confirm ?? 1,
      maxPercent: deletes.maxPercent ?? 20,
      minCount: deletes.minCount ?? 50,
    },
    moves: keys.moves ?? true,
    scan: scanLimits(own, defaults, scales),
  };
}

/** A path on a server, without double and trailing slashes. */
function tidy(root: string): string {
  const path = posix.normalize(root);
  return path === '/' ? path : path.replace(/\/$/, '');
}

function kinds(chosen: ParsedWatch['kinds']): readonly ('file' | 'directory')[] {
  const all = [
    { key: 'files', kind: 'file' },
    { key: 'directories', kind: 'directory' },
  ] as const;
  return all.filter(({ key }) => chosen === undefined || chosen.includes(key)).map(({ kind }) => kind);
}

function schedule(own: ParsedWatch, defaults: ParsedDefaults): WatchConfig['schedule'] {
  const { every, cron } = own.every === undefined && own.cron === undefined ? defaults : own;
  if (cron !== undefined) return { cron, timezone: own.timezone ?? defaults.timezone ?? 'UTC' };
  return { every: every ?? FIVE_MINUTES };
}

function scanLimits(own: ParsedWatch, defaults: ParsedDefaults, scales: typeof presets): ScanLimits {
  const keys = { ...scaleKeys(defaults.scale), ...scaleKeys(own.scale) };
  const preset = scales[keys.preset ?? defaultScale];
  return {
    inFlight: keys.inFlight ?? preset.inFlight,
    taskBudgetMs: keys.taskBudget ?? preset.taskBudgetMs,
    taskDirectories: keys.taskDirectories ?? preset.taskDirectories,
    deadlineMs: keys.deadline ?? preset.deadlineMs,
    workflowFrom: keys.workflowFrom ?? preset.workflowFrom,
  };
}

function scaleKeys(scale: ParsedWatch['scale']) {
  return typeof scale === 'string' ? { preset: scale } : { ...scale };
}
