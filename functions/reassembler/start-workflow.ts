import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { WorkflowInput } from './workflow.ts';

const hour = 3_600_000;
/** The time-out of the workflow. */
const longestHours = 6;

/**
 * Starts one execution of this name (protocol rule 21). While it runs, and when it has done its work, asking again starts
 * nothing; one that failed gets a successor, at most one an hour.
 */
export async function startWorkflow(
  client: SFNClient,
  workflow: string,
  name: string,
  input: WorkflowInput,
  now: number,
): Promise<void> {
  if (await start(client, workflow, name, input)) return;
  const first = await describe(client, workflow, name);
  if (first === undefined || lives(first)) return;
  const thisHour = Math.floor(now / hour);
  // A successor that runs for hours: another one beside it would only fence it off.
  const began = Math.floor((first.startDate?.getTime() ?? 0) / hour);
  for (let past = Math.max(began, thisHour - longestHours); past < thisHour; past += 1) {
    const successor = await describe(client, workflow, `${name}-${past}`);
    if (successor !== undefined && lives(successor)) return;
  }
  await start(client, workflow, `${name}-${thisHour}`, input);
}

function lives({ status }: DescribeExecutionCommandOutput): boolean {
  return status === 'RUNNING' || status === 'SUCCEEDED' || status === 'PENDING_REDRIVE';
}

/** Undefined where there is no such execution. */
async function describe(
  client: SFNClient,
  workflow: string,
  name: string,
): Promise<DescribeExecutionCommandOutput | undefined> {
  const executionArn = `${workflow.replace(':stateMachine:', ':execution:')}:${name}`;
  try {
    return await client.send(new DescribeExecutionCommand({ executionArn }));
  } catch (error) {
    if (error instanceof Error && error.name === 'ExecutionDoesNotExist') return undefined;
    throw error;
  }
}

/** False where an execution of this name is there. */
async function start(
  client: SFNClient,
  workflow: string,
  name: string,
  input: WorkflowInput,
): Promise<boolean> {
  try {
    const command = new StartExecutionCommand({
      stateMachineArn: workflow,
      name,
      input: JSON.stringify(input),
    });
    // Of the same name and input as one that runs, it answers with that one.
    await client.send(command);
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === 'ExecutionAlreadyExists') return false;
    throw error;
  }
}
