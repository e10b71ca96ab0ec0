import * as z from 'zod';
import { InvalidInput } from '../failure.ts';

/**
 * Wakes a worker for one task; the truth about the task is its row in the state (protocol rule 3). A message may
 * come twice, late or never: handling one again does no harm, and the planner's tick sends what nobody claimed.
 */
export const taskMessage = z.object({
  tenant: z.string(),
  watch: z.string(),
  scan: z.int().positive(),
  task: z.string(),
});

export type TaskMessage = z.infer<typeof taskMessage>;

/** The port to whatever brings tasks to workers. */
export interface Tasks {
  /**
   * `server` is a `slotKey`: no more of its tasks run at once than it permits sessions. Sent again under the same
   * number of `repeat`, a task may be taken for one that is on its way already.
   */
  send(server: string, messages: readonly TaskMessage[], repeat?: number): Promise<void>;
}

/** Throws InvalidInput for what is no task. */
export function parseTask(text: string): TaskMessage {
  try {
    return taskMessage.parse(JSON.parse(text));
  } catch (cause) {
    throw new InvalidInput(`not a task: ${text.slice(0, 200)}`, { cause });
  }
}
