import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { InvalidInput } from '../../../shared/failure.ts';

/** A deployment that was found: what its stack says of itself. */
export interface Stack {
  readonly name: string;
  readonly region: string;
  readonly outputs: StackOutputs;
}

const stackOutputs = z.object({
  TableName: z.string(),
  BusName: z.string(),
  BusArn: z.string(),
  ChangesDeadLetterQueueUrl: z.string(),
  /** Where the deployment has a FIFO queue of changes too. */
  ChangesFifoDeadLetterQueueUrl: z.string().optional(),
  TasksDeadLetterQueueUrl: z.string(),
  WakesDeadLetterQueueUrl: z.string(),
  PlannerFunctionName: z.string(),
});
export type StackOutputs = z.output<typeof stackOutputs>;

export interface StackOptions {
  readonly stack: string;
  /** Default: as AWS's own programs find it. */
  readonly region?: string;
}

/** For every client: a service that does not answer must not hold a command for ever. */
export function clientOptions(region: string | undefined) {
  const requestHandler = { connectionTimeout: 5_000, requestTimeout: 40_000, throwOnRequestTimeout: true };
  return { requestHandler, ...(region === undefined ? {} : { region }) };
}

export async function findStack({ stack, region }: StackOptions): Promise<Stack> {
  const client = new CloudFormationClient(clientOptions(region));
  try {
    const where = await client.config.region();
    const found = await describe(client, stack, where);
    const named = (found.Outputs ?? []).map(({ OutputKey = '', OutputValue }) => [OutputKey, OutputValue]);
    const outputs = stackOutputs.safeParse(Object.fromEntries(named));
    if (outputs.success) return { name: stack, region: where, outputs: outputs.data };
    const missing = outputs.error.issues.map(({ path }) => path.join('.')).join(', ');
    throw new InvalidInput(
      `the stack ${stack} in ${where} is no deployment of Farwatch: it has no outputs ${missing}`,
      { advice: `Its status is ${found.StackStatus}: wait until it is deployed, or name another stack.` },
    );
  } finally {
    client.destroy();
  }
}

async function describe(client: CloudFormationClient, stack: string, region: string) {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    if (Stacks?.[0] !== undefined) return Stacks[0];
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ValidationError') throw error;
  }
  throw new InvalidInput(`there is no stack ${JSON.stringify(stack)} in ${region}`, {
    advice: 'Check its name, the region (--region) and the account that your credentials are of.',
  });
}
