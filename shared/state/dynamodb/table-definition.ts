import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

/** Watches that may begin a scan, by the time they are due, and those with an open one; no others. */
export const dueIndex = { name: 'due', partition: 'D', sort: 'N' } as const;

/** Set on rows that DynamoDB may delete by itself, in seconds since 1970. */
export const expiryAttribute = 'e';

/** The one table, as CDK and tests create it. Time to live is switched on for `expiryAttribute` after creation. */
export const createTable: Readonly<Omit<CreateTableCommandInput, 'TableName'>> = {
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: [
    { AttributeName: 'p', KeyType: 'HASH' },
    { AttributeName: 's', KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [
    { AttributeName: 'p', AttributeType: 'S' },
    { AttributeName: 's', AttributeType: 'B' },
    { AttributeName: dueIndex.partition, AttributeType: 'S' },
    { AttributeName: dueIndex.sort, AttributeType: 'N' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: dueIndex.name,
      KeySchema: [
        { AttributeName: dueIndex.partition, KeyType: 'HASH' },
        { AttributeName: dueIndex.sort, KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
};
