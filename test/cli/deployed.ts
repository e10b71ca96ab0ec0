import type { TestContext } from 'node:test';
import { openDynamoState } from '../../shared/state/dynamodb/dynamodb-state.ts';
import type { State } from '../../shared/state/state.ts';
import { type Ended, Home } from '../local/home.ts';
import type { DynamoLocal } from '../state/dynamodb-local.ts';
import { account, type FakeAws, region, startFakeAws } from './fake-aws.ts';

let tables = 0;

/** A deployment as far as most commands see one: its stack, its table, and a planner that can be called. */
export class Deployed {
  readonly home: Home;
  readonly state: State;
  readonly aws: FakeAws;

  private constructor(home: Home, state: State, aws: FakeAws) {
    this.home = home;
    this.state = state;
    this.aws = aws;
  }

  static async start(t: TestContext, dynamo: DynamoLocal): Promise<Deployed> {
    const table = `deployed-${++tables}`;
    await dynamo.makeTable(table);
    const aws = await startFakeAws({ Farwatch: outputs(table), Other: { BucketName: 'other' } });
    const client = dynamo.client();
    t.after(async () => {
      client.destroy();
      await aws.close();
    });
    const home = new Home(t);
    const env = {
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_REGION: region,
      ...nobody(home),
    };
    for (const [name, value] of Object.entries(env)) home.env(name, value);
    return new Deployed(home, openDynamoState({ client, table }), aws);
  }

  farwatch(...args: readonly string[]): Promise<Ended> {
    return this.home.farwatch(...args, '--stack', 'Farwatch');
  }
}

/** Whoever runs the tests may have profiles, and the machine may be one of AWS. */
export function nobody(home: Home): Readonly<Record<string, string>> {
  return {
    AWS_CONFIG_FILE: home.path('no-config'),
    AWS_SHARED_CREDENTIALS_FILE: home.path('no-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

function outputs(table: string): Readonly<Record<string, string>> {
  const queue = (name: string) => `https://sqs.${region}.amazonaws.com/${account}/${name}`;
  return {
    TableName: table,
    BusName: 'changes',
    BusArn: `arn:aws:events:${region}:${account}:event-bus/changes`,
    ChangesDeadLetterQueueUrl: queue('changes-dead'),
    TasksDeadLetterQueueUrl: queue('tasks-dead.fifo'),
    WakesDeadLetterQueueUrl: queue('wakes-dead.fifo'),
    PlannerFunctionName: 'Farwatch-planner',
  };
}
