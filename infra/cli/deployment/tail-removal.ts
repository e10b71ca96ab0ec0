import {
  DeleteRuleCommand,
  type EventBridgeClient,
  ListRulesCommand,
  RemoveTargetsCommand,
  type Rule,
} from '@aws-sdk/client-eventbridge';
import { DeleteQueueCommand, GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';

export const tailPrefix = 'farwatch-tail-';
export const targetId = 'tail';
const deadAfterMs = 86_400_000;

export interface TailPlace {
  readonly events: EventBridgeClient;
  readonly queues: SQSClient;
  readonly bus: string;
}

export function aliveDescription(now: number): string {
  return `of a "farwatch tail" that was alive at ${new Date(now).toISOString()}`;
}

/** Removes what tails of this bus left that died more than a day ago. Returns their names. */
export async function removeDeadTails(place: TailPlace, now: number): Promise<readonly string[]> {
  const removed: string[] = [];
  for await (const rule of tailRules(place)) {
    if (rule.Name === undefined || now - aliveAt(rule) < deadAfterMs) continue;
    await removeQueue(place, rule.Name);
    await removeRule(place, rule.Name);
    removed.push(rule.Name);
  }
  return removed;
}

export async function removeQueue({ queues }: TailPlace, name: string): Promise<void> {
  await unlessGone(async () => {
    const { QueueUrl } = await queues.send(new GetQueueUrlCommand({ QueueName: name }));
    await queues.send(new DeleteQueueCommand({ QueueUrl }));
  });
}

export async function removeRule({ events, bus }: TailPlace, name: string): Promise<void> {
  const rule = { Rule: name, EventBusName: bus };
  await unlessGone(() => events.send(new RemoveTargetsCommand({ ...rule, Ids: [targetId] })));
  await unlessGone(() => events.send(new DeleteRuleCommand({ Name: name, EventBusName: bus })));
}

async function* tailRules({ events, bus }: TailPlace): AsyncGenerator<Rule> {
  let NextToken: string | undefined;
  do {
    const input = { NamePrefix: tailPrefix, EventBusName: bus, NextToken };
    const page = await events.send(new ListRulesCommand(input));
    yield* page.Rules ?? [];
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
}

/** A rule that says nothing of the kind is not ours to remove: it lives for ever. */
function aliveAt({ Name = '', Description = '' }: Rule): number {
  const begun = /^farwatch-tail-(\d+)-/.exec(Name)?.[1];
  if (begun === undefined) return Number.POSITIVE_INFINITY;
  const said = Date.parse(/\S+Z$/.exec(Description)?.[0] ?? '');
  return Math.max(Number(begun) * 1_000, Number.isNaN(said) ? 0 : said);
}

async function unlessGone(request: () => Promise<unknown>): Promise<void> {
  try {
    await request();
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (!/^ResourceNotFoundException$|QueueDoesNotExist$|NonExistentQueue$/.test(name)) throw error;
  }
}
