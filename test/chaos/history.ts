import * as fc from 'fast-check';
import type { Answer } from './fake-remote.ts';
import { flaws } from './fake-remote.ts';
import { type Edit, editTypes, places } from './world.ts';

export interface Settings {
  readonly initial: 'baseline' | 'emit';
  readonly confirm: number;
  readonly maxPercent: number;
  readonly moves: boolean;
  readonly settleMs: number;
  readonly taskDirectories: number;
  readonly taskBudgetMs: number;
  readonly inFlight: number;
  readonly idle: number;
  /** Directories that one commit of the reassembly holds, so that it can die between two. */
  readonly commitLimit: number;
}

export interface ScanStep {
  readonly type: 'scan';
  /** Go on with an open scan, as the daemon does, or end it and begin another, as `--once` does. */
  readonly resume: boolean;
  readonly answers: readonly Answer[];
  readonly crash: { readonly call: number; readonly after: boolean } | null;
  /** Every task message comes twice, and so does the signal to reassemble. */
  readonly twice: boolean;
  /** The first task is claimed by a scanner that stands still until it is woken, and given to another one. */
  readonly zombie: boolean;
  /** The scan is given up after so many tasks. */
  readonly abandonAfter: number | null;
  /** The process is asked to end after so many listings. */
  readonly abortAfter: number | null;
  readonly coarse: boolean;
  readonly hollow: boolean;
  readonly pick: number;
}

export type Step =
  | { readonly type: 'edits'; readonly edits: readonly Edit[] }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'rules'; readonly rules: number }
  | { readonly type: 'wake' }
  | { readonly type: 'decide'; readonly approve: boolean }
  | ScanStep;

export interface History {
  readonly settings: Settings;
  /** What is there before the first scan. */
  readonly tree: readonly Edit[];
  readonly steps: readonly Step[];
}

export const edit: fc.Arbitrary<Edit> = fc.record({
  // Renames and growth often, or there is little left to rename.
  type: fc.constantFrom(...editTypes, 'write', 'write-old', 'write', 'rename', 'rename', 'rename', 'rename'),
  at: fc.nat(places.length - 1),
  to: fc.nat(places.length - 1),
});

export const answer: fc.Arbitrary<Answer> = fc.record({
  flaw: fc.oneof(
    { weight: 12, arbitrary: fc.constant('none' as const) },
    { weight: 4, arbitrary: fc.constantFrom(...flaws) },
  ),
  keep: fc.nat(255),
  edit: fc.option(edit, { freq: 3 }),
  hops: fc.nat(12),
});

const scan: fc.Arbitrary<ScanStep> = fc.record({
  type: fc.constant('scan'),
  resume: fc.boolean(),
  answers: fc.array(answer, { maxLength: 16, size: 'max' }),
  crash: fc.option(fc.record({ call: fc.integer({ min: 1, max: 40 }), after: fc.boolean() }), { freq: 2 }),
  twice: fc.boolean(),
  zombie: fc.nat(4).map((value) => value === 4),
  abandonAfter: fc.option(fc.nat(3), { freq: 5 }),
  abortAfter: fc.option(fc.nat(6), { freq: 6 }),
  coarse: fc.nat(5).map((value) => value === 5),
  hollow: fc.nat(9).map((value) => value === 9),
  pick: fc.nat(7),
});

/** A scan as it mostly is. */
const soundScan: fc.Arbitrary<ScanStep> = scan.map((step) => ({
  ...step,
  answers: [],
  crash: null,
  twice: false,
  zombie: false,
  abandonAfter: null,
  abortAfter: null,
  hollow: false,
}));

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('edits'),
      edits: fc.array(edit, { minLength: 1, maxLength: 8, size: 'max' }),
    }),
  },
  { weight: 6, arbitrary: scan },
  { weight: 3, arbitrary: soundScan },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('wait'), ms: fc.constantFrom(1_000, 61_000, 400_000) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('rules'), rules: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'wake' } as const) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('decide'), approve: fc.boolean() }) },
);

export const settings: fc.Arbitrary<Settings> = fc.record({
  initial: fc.constantFrom('emit', 'baseline'),
  confirm: fc.constantFrom(1, 1, 2, 3),
  maxPercent: fc.constantFrom(100, 100, 20),
  moves: fc.boolean(),
  settleMs: fc.constantFrom(0, 0, 0, 90_000),
  taskDirectories: fc.constantFrom(1, 2, 1_000),
  taskBudgetMs: fc.constantFrom(1, 4, 60_000),
  inFlight: fc.constantFrom(1, 3, 8),
  idle: fc.nat(3),
  commitLimit: fc.constantFrom(1, 2, 1_000),
});

export const history: fc.Arbitrary<History> = fc.record({
  settings,
  tree: fc.array(
    edit.map((one) => ({ ...one, type: one.to % 2 ? ('write' as const) : ('write-old' as const) })),
    {
      maxLength: 16,
      size: 'max',
    },
  ),
  steps: fc.array(step, { minLength: 1, maxLength: 20, size: 'max' }),
});
