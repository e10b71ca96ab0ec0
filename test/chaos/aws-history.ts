import * as fc from 'fast-check';
import type { Answer } from './fake-remote.ts';
import type { Fate } from './fate.ts';
import { answer, edit, type Settings, settings } from './history.ts';
import type { Edit } from './world.ts';

/** One invocation of a function of the deployment, and what becomes of it. */
export type Invocation = { readonly fate: Fate } & (
  | { readonly type: 'tick' }
  | {
      readonly type: 'task';
      /** Which of the messages that may be delivered. */
      readonly pick: number;
      readonly answers: readonly Answer[];
      /**
       * What the queue makes of the message, whatever came of it: delivers it again, as after a time-out of its visibility,
       * or gives it up. Null: as it should.
       */
      readonly message: 'again' | 'lost' | null;
    }
  | { readonly type: 'workflow'; readonly pick: number }
  | {
      readonly type: 'publish';
      readonly output: number;
      /** A bit for each change that the output takes of the first batch; the rest is refused. */
      readonly takes: number | null;
    }
);

export type AwsStep =
  | { readonly type: 'edits'; readonly edits: readonly Edit[] }
  | { readonly type: 'wait'; readonly ms: number }
  /** A deployment: other rules, or, with null, without the watch. */
  | { readonly type: 'deploy'; readonly rules: number | null }
  | { readonly type: 'decide'; readonly approve: boolean }
  /** All that stood still goes on. */
  | { readonly type: 'wake' }
  /** Messages are lost, or sent twice by a queue that forgot. */
  | { readonly type: 'lose'; readonly pick: number }
  | { readonly type: 'repeat'; readonly pick: number }
  /** One without faults. */
  | { readonly type: 'minute' }
  /** Side by side. */
  | { readonly type: 'invoke'; readonly invocations: readonly Invocation[] };

export interface AwsSettings extends Settings {
  /** A scan that listed more directories is ended by the workflow. */
  readonly workflowFrom: number;
  readonly deadlineMs: number;
  /** Changes that an output takes at once. */
  readonly maxBatch: number;
}

export interface AwsHistory {
  readonly settings: AwsSettings;
  readonly tree: readonly Edit[];
  readonly steps: readonly AwsStep[];
}

/** A look at an open scan takes few calls, the listing of a tree many. */
const call = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 30 }));

const fate: fc.Arbitrary<Fate> = fc.record({
  crash: fc.option(fc.record({ call, after: fc.boolean() }), { freq: 3 }),
  stallAt: fc.option(call, { freq: 6 }),
  abortAt: fc.option(call, { freq: 5 }),
  paces: fc.array(fc.nat(6), { minLength: 1, maxLength: 4 }),
});

const invocation: fc.Arbitrary<Invocation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('tick' as const), fate }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('task' as const),
      fate,
      pick: fc.nat(30),
      answers: fc.array(answer, { maxLength: 8, size: 'max' }),
      // Lost as often as not: the queue would else make up for whatever the planner forgets.
      message: fc.constantFrom(null, null, 'lost', 'lost', 'again'),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('workflow' as const), fate, pick: fc.nat(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('publish' as const),
      fate,
      output: fc.nat(1),
      takes: fc.option(fc.nat(255), { freq: 3 }),
    }),
  },
);

const step: fc.Arbitrary<AwsStep> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('edits' as const),
      edits: fc.array(edit, { minLength: 1, maxLength: 8, size: 'max' }),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      type: fc.constant('invoke' as const),
      invocations: fc.array(invocation, { minLength: 1, maxLength: 3, size: 'max' }),
    }),
  },
  { weight: 5, arbitrary: fc.constant({ type: 'minute' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, 61_000, 61_000, 130_000, 310_000, 700_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('decide' as const), approve: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('deploy' as const), rules: fc.option(fc.nat(5), { freq: 4 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'wake' as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose' as const), pick: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('repeat' as const), pick: fc.nat(30) }) },
);

export const awsHistory: fc.Arbitrary<AwsHistory> = fc.record({
  settings: fc
    .tuple(
      settings,
      fc.record({
        workflowFrom: fc.constantFrom(0, 2, 20_000),
        deadlineMs: fc.constantFrom(300_000, 600_000, 3_600_000),
        maxBatch: fc.constantFrom(1, 3, 500),
      }),
    )
    .map(([common, own]) => ({ ...common, ...own })),
  tree: fc.array(
    edit.map((one) => ({ ...one, type: one.to % 2 ? ('write' as const) : ('write-old' as const) })),
    { maxLength: 16, size: 'max' },
  ),
  steps: fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
});
