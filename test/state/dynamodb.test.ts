import { after, before, describe, test } from 'node:test';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openDynamoState } from '../../shared/state/dynamodb/dynamodb-state.ts';
import { stateConformance } from './conformance.ts';
import { type DynamoLocal, dynamoLocalMissing, startDynamoLocal } from './dynamodb-local.ts';

const missing = dynamoLocalMissing();
if (missing !== undefined) test('the state in DynamoDB', { skip: missing }, () => undefined);
else {
  describe('the state in DynamoDB', () => {
    let local: DynamoLocal;
    let tables = 0;
    before(async () => {
      local = await startDynamoLocal();
    });
    after(() => local.stop());

    stateConformance('DynamoDB', async () => {
      const table = `farwatch-${++tables}`;
      await local.makeTable(table);
      const clients: DynamoDBClient[] = [];
      const open = () => {
        const client = local.client();
        clients.push(client);
        return openDynamoState({ client, table });
      };
      return {
        state: open(),
        reopen: async () => open(),
        async close() {
          for (const client of clients) client.destroy();
        },
      };
    });
  });
}
