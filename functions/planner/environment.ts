import * as z from 'zod';

/** What the function is told by its deployment. */
export const environment = z.object({
  TABLE_NAME: z.string().min(1),
  TASKS_QUEUE_URL: z.string().min(1),
  WAKES_QUEUE_URL: z.string().min(1),
  WORKFLOW_ARN: z.string().min(1),
  BUS_NAME: z.string().min(1),
  /** Where the deployment has one: it is an output with a position of its own. */
  CHANGES_FIFO_QUEUE_URL: z.string().min(1).optional(),
});

export type Environment = z.infer<typeof environment>;
