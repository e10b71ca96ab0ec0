import * as z from 'zod';

/** What one execution of the scan workflow is about, and what it hands from step to step. */
export const workflowInput = z.object({
  tenant: z.string(),
  watch: z.string(),
  scan: z.int().positive(),
  /** Subtrees that no task finished: they come first in the next scan. */
  unfinished: z.array(z.string()),
  /** Changes published by the steps so far. */
  changes: z.int().nonnegative(),
  /** Entries that consumers knew of before the first step; null: not counted yet. */
  total: z.int().nonnegative().nullable(),
  /** Whether all that the judgement lets go is published. */
  done: z.boolean(),
});

export type WorkflowInput = z.infer<typeof workflowInput>;

/** The payload of the function: the step, and the execution's input or the last step's answer. */
export const workflowStep = z.object({ step: z.enum(['judge', 'close']), input: workflowInput });
