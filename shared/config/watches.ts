import { Cron } from 'croner';
import * as z from 'zod';
import type { Pattern } from '../tree/selection.ts';
import { validatePattern } from '../tree/selection-validate.ts';
import { presets } from './presets.ts';
import type { Refusal } from './values.ts';
import { count, duration, line, name, size, text, timezone } from './values.ts';

const glob = text((value): { value: Pattern } | Refusal => checked({ type: 'glob', pattern: value }));

const regex = text((value): { value: Pattern } | Refusal => checked({ type: 'regex', pattern: value }));

function checked(pattern: Pattern): { value: Pattern } | Refusal {
  const refusal =
    pattern.type === 'glob' && pattern.pattern.startsWith('/')
      ? 'a pattern is relative to the root; remove the / it begins with'
      : validatePattern(pattern);
  return refusal === undefined ? { value: pattern } : { refusal };
}

const patterns = z.array(
  z.union(
    [
      glob,
      z
        .strictObject({
          regex: regex.describe(
            'A JavaScript regular expression, searched in the path relative to the root.',
          ),
        })
        .transform(({ regex: pattern }) => pattern),
    ],
    { error: 'a pattern is a glob such as "**/*.csv" or { regex: "…" }' },
  ),
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'this must be a list; write it like ["**/*.csv"]' : undefined,
  },
);

const cron = text((value): { value: string } | Refusal => {
  if (value.trim().split(/\s+/).length !== 5) {
    return {
      refusal: 'a cron has five fields: minute, hour, day, month, weekday; write it like "*/5 6-20 * * 1-5"',
    };
  }
  try {
    const next = new Cron(value.trim(), { mode: '5-part', paused: true }).nextRun(new Date(0));
    return next === null ? { refusal: 'this cron never comes due' } : { value: value.trim() };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : '';
    return { refusal: `not a cron of minute, hour, day, month, weekday: ${reason}` };
  }
});

const scaleName = z.enum(['small', 'medium', 'large', 'xl', 'xxl']);
const scaleDescription = `Size of the tree: ${Object.entries(presets)
  .map(([preset, { files }]) => (Number.isFinite(files) ? `${preset} to ${grouped(files)} files` : preset))
  .join(', ')}. Default: medium.`;

/** As `toLocaleString` has it, which takes 20 ms when it is first called: a tenth of a start. */
function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

const scale = z.union(
  [
    scaleName,
    z.strictObject({
      preset: scaleName.optional().describe(scaleDescription),
      inFlight: count(1, 1024).optional().describe('Directories in flight on one session, at most.'),
      taskBudget: duration('100ms', '60s').optional().describe('Work per task before it hands the rest on.'),
      taskDirectories: count(1, 1_000_000)
        .optional()
        .describe('Directories per task before it may hand work to idle slots.'),
      deadline: duration('1s', '1d')
        .optional()
        .describe('A scan that completes no task for so long is ended as incomplete.'),
      workflowFrom: count(1, 1_000_000_000)
        .optional()
        .describe('On AWS: a scan of more directories is reassembled by Step Functions. Default: 20000.'),
    }),
  ],
  {
    error: ({ input }) =>
      typeof input === 'string'
        ? undefined
        : 'write the name of a preset, or a map such as { preset: large, inFlight: 24 }',
  },
);

/** All optional: what a watch leaves out comes from `defaults`, then from Farwatch. */
const watchKeys = {
  server: line().optional().describe('Name of the server, as under servers.'),
  root: text((value) =>
    value === '' || value.includes('\0') ? { refusal: 'must be the path of a directory' } : { value },
  )
    .optional()
    .describe('Directory to watch: absolute on the server; of a local server also relative to this file.'),
  include: patterns
    .optional()
    .describe('Globs or { regex }, of the path relative to the root; files must match one. Default: all.'),
  exclude: patterns.optional().describe('Globs or { regex }; what matches one does not belong to the watch.'),
  caseSensitive: z.boolean().optional().describe('Whether patterns tell a from A. Default: true.'),
  hidden: z.boolean().optional().describe('Whether names that begin with a dot belong. Default: true.'),
  maxDepth: count(1, 10_000).optional().describe("Levels below the root; 1 is the root's own entries alone."),
  minFileSize: size().optional().describe('Smaller files do not belong to the watch, for example 1KB.'),
  maxFileSize: size().optional().describe('Larger files do not belong to the watch, for example 10MB.'),
  kinds: z
    .array(z.enum(['files', 'directories']))
    .min(1)
    .optional()
    .describe('What is reported: files, directories or both (default).'),
  every: duration('1s', '365d').optional().describe('Time between two scans, for example 5m (default).'),
  cron: cron.optional().describe('When to scan instead of every: minute, hour, day, month, weekday.'),
  timezone: timezone().optional().describe('Time zone of cron. Default: UTC.'),
  pace: z
    .enum(['steady', 'adaptive'])
    .optional()
    .describe('Whether every scan looks at all directories (steady, default) or seldom at cold ones.'),
  maxStaleness: duration('1m', '365d')
    .optional()
    .describe('With pace adaptive: how often cold directories are looked at, at least. Default: 1h.'),
  initial: z
    .enum(['baseline', 'emit'])
    .optional()
    .describe('Whether the first scan is silent (baseline, default) or reports all it finds (emit).'),
  settle: duration('0s', '30d')
    .optional()
    .describe('A file is reported once it has looked the same for so long. Default: 0s.'),
  deletes: z
    .strictObject({
      confirm: count(1, 1000)
        .optional()
        .describe(
          'Complete listings in a row without the entry before its deletion is reported. Default: 1.',
        ),
      maxPercent: z
        .number()
        .min(0)
        .max(100)
        .optional()
        .describe('Deletions of more of the tree than this wait for approval. Default: 20.'),
      minCount: count(0, Number.MAX_SAFE_INTEGER)
        .optional()
        .describe('From so many deletions on, maxPercent bites. Default: 50.'),
    })
    .optional()
    .describe('When deletions are believed.'),
  moves: z.boolean().optional().describe('Whether renames are reported as moves. Default: true.'),
  tenant: name().optional().describe('Whose watch this is. Default: default.'),
  scale: scale.optional().describe(`${scaleDescription} Or a map that overrides what a preset sets.`),
};

export const defaultsSchema = z.strictObject(watchKeys);

export const watchSchema = z.strictObject({
  ...watchKeys,
  was: name().optional().describe("The watch's former name, whose state it takes over."),
});

export type ParsedDefaults = z.output<typeof defaultsSchema>;
export type ParsedWatch = z.output<typeof watchSchema>;
