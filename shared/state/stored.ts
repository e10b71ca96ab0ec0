import * as z from 'zod';

/** What stands as JSON in a store, parsed on the way in like everything that enters the process. */

export const storedRules = z.object({
  include: z.array(z.object({ type: z.enum(['glob', 'regex']), pattern: z.string() })),
  exclude: z.array(z.object({ type: z.enum(['glob', 'regex']), pattern: z.string() })),
  caseSensitive: z.boolean(),
  hidden: z.boolean(),
  maxDepth: z.number().nullable(),
  minFileSize: z.number().nullable(),
  maxFileSize: z.number().nullable(),
  kinds: z.array(z.enum(['file', 'directory'])),
});

export const storedTaskScope = z.object({
  subtrees: z.array(z.string()),
  except: z.array(z.string()),
});

export const storedPlan = z.array(storedTaskScope);

export const storedCounts = z.object({
  directories: z.number(),
  files: z.number(),
  changedDirectories: z.number(),
  partialDirectories: z.number(),
  changes: z.number(),
});

export const storedPartials = z.array(z.object({ path: z.string(), reason: z.string(), detail: z.string() }));

export const storedFailure = z.object({
  error: z.string(),
  message: z.string(),
  advice: z.string().nullable(),
});

export const storedSummary = z.object({
  scan: z.number(),
  status: z.enum(['complete', 'incomplete']),
  startedAt: z.number(),
  endedAt: z.number(),
  counts: storedCounts,
  treeDigest: z.string(),
  partials: storedPartials,
  failure: storedFailure.nullable(),
});

export const storedHold = z.object({
  digest: z.string(),
  count: z.number(),
  percent: z.number(),
  scan: z.number(),
  decision: z.enum(['pending', 'approved']),
});

export const storedServer = z.object({
  failures: z.number(),
  retryAt: z.number(),
  error: z.string(),
  message: z.string(),
  credentials: z.string(),
  noProbesUntil: z.number().exactOptional(),
});

export const storedPaths = z.array(z.string());

export const storedChange = z.object({
  version: z.literal(1),
  id: z.string(),
  sequence: z.string(),
  type: z.enum(['created', 'modified', 'deleted', 'moved']),
  kind: z.enum(['file', 'directory']),
  tenant: z.string(),
  server: z.string(),
  watch: z.string(),
  path: z.string(),
  pathBytes: z.string().exactOptional(),
  from: z.string().exactOptional(),
  fromBytes: z.string().exactOptional(),
  confidence: z.enum(['high', 'medium']).exactOptional(),
  evidence: z.array(z.string()).exactOptional(),
  old: storedChangeFacts().nullable(),
  new: storedChangeFacts().nullable(),
  scan: z.number(),
  detectedAt: z.string(),
});

function storedChangeFacts() {
  return z.object({
    size: z.number().exactOptional(),
    modifiedAt: z.string().exactOptional(),
    precision: z.enum(['millisecond', 'second', 'minute', 'day', 'none']).exactOptional(),
  });
}
