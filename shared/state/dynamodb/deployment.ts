import { key, keyItem, string, stringAt } from './attributes.ts';
import type { Table } from './table.ts';

/** What a deployment remembers of itself. */
export interface Deployment {
  /** What `setEnrolled` said last: the configuration whose watches the table knows. */
  enrolled(): Promise<string | undefined>;
  setEnrolled(configuration: string): Promise<void>;
}

export function dynamoDeployment(table: Table): Deployment {
  const at = key('N', 'c');
  return {
    async enrolled() {
      const item = await table.get(at);
      return item && stringAt(item, 'j');
    },
    async setEnrolled(configuration) {
      await table.put({ ...keyItem(at), j: string(configuration) });
    },
  };
}
