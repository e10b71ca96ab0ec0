import * as z from 'zod';

/** What the function is told by its deployment. */
export const environment = z.object({
  TABLE_NAME: z.string().min(1),
  WAKES_QUEUE_URL: z.string().min(1),
  BUS_NAME: z.string().min(1),
  CHANGES_QUEUE_URL: z.string().min(1),
  /** A FIFO queue beside it, where the deployment has one. */
  CHANGES_FIFO_QUEUE_URL: z.string().min(1).optional(),
});

export type Environment = z.infer<typeof environment>;
