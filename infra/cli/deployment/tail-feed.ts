import { randomBytes } from 'node:crypto';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { StateUnusable } from '../../../shared/failure.ts';
import { clientOptions, type Stack } from './stack.ts';
import {
  aliveDescription,
  removeDeadTails,
  removeQueue,
  removeRule,
  type TailPlace,
  tailPrefix,
  targetId,
} from './tail-removal.ts';

const aliveEveryMs = 3_600_000;

/** Which events of a bus are wanted, in EventBridge's own terms. */
export type EventPattern = Readonly<Record<string, unknown>>;

/**
 * A temporary queue and the rule that fills it, both of one name. The rule is made first and removed last, and says
 * in its description when its tail was last alive: whatever a tail that died left behind is found by it.
 */
export class TailFeed {
  readonly name: string;
  readonly #stack: Stack;
  readonly #pattern: EventPattern;
  readonly #place: TailPlace;
  /** What there may be to remove; in the order of its making. */
  readonly #made: ((place: TailPlace, name: string) => Promise<void>)[] = [];
  #queueUrl = '';
  #aliveAt = 0;

  constructor(stack: Stack, pattern: EventPattern, now: number) {
    this.name = `${tailPrefix}${Math.floor(now / 1_000)}-${randomBytes(4).toString('hex')}`;
    this.#stack = stack;
    this.#pattern = pattern;
    this.#place = {
      events: new EventBridgeClient(clientOptions(stack.region)),
      queues: new SQSClient(clientOptions(stack.region)),
      bus: stack.outputs.BusName,
    };
  }

  /** From now on events are kept for the reader. Call `close` whether it succeeds or not. */
  async open(now: number): Promise<void> {
    const ruleArn = await this.#make(removeRule, () => this.#putRule(now));
    const queueArn = this.#queueArn();
    this.#queueUrl = await this.#make(removeQueue, () => this.#createQueue(queueArn, ruleArn));
    const { FailedEntries = [] } = await this.#place.events.send(
      new PutTargetsCommand({
        Rule: this.name,
        EventBusName: this.#place.bus,
        Targets: [{ Id: targetId, Arn: queueArn }],
      }),
    );
    for (const { ErrorMessage } of FailedEntries) {
      throw new StateUnusable(`the rule ${this.name} does not take its queue: ${ErrorMessage}`);
    }
  }

  /** Waits for events, up to twenty seconds. Every one comes again unless it is `taken`. */
  async receive(signal: AbortSignal): Promise<readonly Message[]> {
    const input = { QueueUrl: this.#queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 };
    try {
      const command = new ReceiveMessageCommand(input);
      return (await this.#place.queues.send(command, { abortSignal: signal })).Messages ?? [];
    } catch (error) {
      if (signal.aborted) return [];
      throw error;
    }
  }

  async taken(messages: readonly Message[]): Promise<void> {
    if (messages.length === 0) return;
    const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await this.#place.queues.send(new DeleteMessageBatchCommand({ QueueUrl: this.#queueUrl, Entries }));
  }

  /** Call it now and then: once a day has passed without, other tails take this one for dead. */
  async stayAlive(now: number): Promise<void> {
    if (now - this.#aliveAt >= aliveEveryMs) await this.#putRule(now);
  }

  async removeDead(now: number): Promise<readonly string[]> {
    return removeDeadTails(this.#place, now);
  }

  async close(): Promise<void> {
    try {
      for (const remove of this.#made.toReversed()) await remove(this.#place, this.name);
    } finally {
      this.#place.events.destroy();
      this.#place.queues.destroy();
    }
  }

  /** A request whose answer was lost may have been obeyed; one that was refused was not. */
  async #make<T>(remove: typeof removeRule, request: () => Promise<T>): Promise<T> {
    this.#made.push(remove);
    try {
      return await request();
    } catch (error) {
      if (error instanceof Error && '$fault' in error && error.$fault === 'client') this.#made.pop();
      throw error;
    }
  }

  async #putRule(now: number): Promise<string> {
    const { RuleArn = '' } = await this.#place.events.send(
      new PutRuleCommand({
        Name: this.name,
        EventBusName: this.#place.bus,
        EventPattern: JSON.stringify(this.#pattern),
        Description: aliveDescription(now),
      }),
    );
    this.#aliveAt = now;
    return RuleArn;
  }

  async #createQueue(queueArn: string, ruleArn: string): Promise<string> {
    const Attributes = {
      MessageRetentionPeriod: '3600',
      Policy: JSON.stringify(deliveryPolicy(queueArn, ruleArn)),
    };
    const command = new CreateQueueCommand({ QueueName: this.name, Attributes });
    return (await this.#place.queues.send(command)).QueueUrl ?? '';
  }

  #queueArn(): string {
    const [, partition, , region, account] = this.#stack.outputs.BusArn.split(':');
    return `arn:${partition}:sqs:${region}:${account}:${this.name}`;
  }
}

function deliveryPolicy(queueArn: string, ruleArn: string) {
  const delivery = {
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: queueArn,
    Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
  };
  return { Version: '2012-10-17', Statement: [delivery] };
}
