import { DescribeExecutionCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { WorkflowInput } from './workflow.ts';

const hour = 3_600_000;

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
  const execution = `${workflow.replace(':stateMachine:', ':execution:')}:${name}`;
  const { status } = await client.send(new DescribeExecutionCommand({ executionArn: execution }));
  if (status === 'RUNNING' || status === 'SUCCEEDED' || status === 'PENDING_REDRIVE') return;
  await start(client, workflow, `${name}-${Math.floor(now / hour)}`, input);
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
