import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  type Output,
} from '@aws-sdk/client-cloudformation';
import { createTable } from '../../shared/state/dynamodb/table-definition.ts';
import { until } from '../local/home.ts';
import type { LocalStack } from './localstack.ts';

/**
 * A stack with what commands work on and a planner that only says that it was called. Messages are given up at the
 * second look at them.
 */
export async function createCommandStack(
  localstack: LocalStack,
  name: string,
): Promise<Record<string, string>> {
  const client = new CloudFormationClient(clientOptions(localstack));
  try {
    await client.send(
      new CreateStackCommand({
        StackName: name,
        TemplateBody: JSON.stringify(template),
        Capabilities: ['CAPABILITY_IAM'],
      }),
    );
    let outputs: readonly Output[] = [];
    await until(`the stack ${name}`, async () => {
      const [stack] = (await client.send(new DescribeStacksCommand({ StackName: name }))).Stacks ?? [];
      if (stack?.StackStatus?.endsWith('FAILED')) throw new Error(stack.StackStatusReason);
      outputs = stack?.Outputs ?? [];
      return stack?.StackStatus === 'CREATE_COMPLETE';
    });
    return Object.fromEntries(
      outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
    );
  } finally {
    client.destroy();
  }
}

export function clientOptions({ endpoint, env }: LocalStack) {
  const credentials = {
    accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
  };
  return { endpoint, region: env['AWS_REGION'] ?? '', credentials };
}

const template = {
  Resources: {
    Table: { Type: 'AWS::DynamoDB::Table', Properties: createTable },
    Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: { Ref: 'AWS::StackName' } } },
    ...queue('Changes'),
    ...queue('Tasks'),
    ...queue('Wakes'),
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'lambda.amazonaws.com' },
              Action: 'sts:AssumeRole',
            },
          ],
        },
      },
    },
    Planner: {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
        Code: { ZipFile: 'exports.handler = async (event) => console.log("planner called with", event);' },
      },
    },
  },
  Outputs: {
    TableName: { Value: { Ref: 'Table' } },
    BusName: { Value: { Ref: 'Bus' } },
    BusArn: { Value: { 'Fn::GetAtt': ['Bus', 'Arn'] } },
    PlannerFunctionName: { Value: { Ref: 'Planner' } },
    ...queueUrls('Changes'),
    ...queueUrls('Tasks'),
    ...queueUrls('Wakes'),
  },
};

/**
 * None is FIFO: AWS gives what it moves back a new deduplication id; LocalStack keeps the old one, and then drops the
 * message as a repeat of itself.
 */
function queue(name: string) {
  const dead = `${name}Dead`;
  const RedrivePolicy = { deadLetterTargetArn: { 'Fn::GetAtt': [dead, 'Arn'] }, maxReceiveCount: 1 };
  return {
    [dead]: { Type: 'AWS::SQS::Queue' },
    [name]: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 0, RedrivePolicy } },
  };
}

function queueUrls(name: string) {
  return {
    [`${name}QueueUrl`]: { Value: { Ref: name } },
    [`${name}DeadLetterQueueUrl`]: { Value: { Ref: `${name}Dead` } },
  };
}
