import * as z from 'zod';
import { json, jsonAt, key, keyItem } from './attributes.ts';
import type { Table } from './table.ts';

const storedEnrolment = z.object({
  configuration: z.string(),
  former: z.string().nullable(),
  at: z.number(),
});
/** Whose watches the table knows, which configuration that one took the place of, and since when. */
export type Enrolled = Readonly<z.infer<typeof storedEnrolment>>;

/** What a deployment remembers of itself. */
export interface Deployment {
  enrolled(): Promise<Enrolled | undefined>;
  setEnrolled(enrolled: Enrolled): Promise<void>;
}

export function dynamoDeployment(table: Table): Deployment {
  const at = key('N', 'c');
  return {
    async enrolled() {
      const item = await table.get(at);
      return item && jsonAt(item, 'j', storedEnrolment);
    },
    async setEnrolled(enrolled) {
      await table.put({ ...keyItem(at), j: json(enrolled) });
    },
  };
}
