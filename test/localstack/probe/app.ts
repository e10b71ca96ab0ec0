import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { DefinitionBody, Pass, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { buildSync } from 'esbuild';

/** One of each thing that Farwatch needs of LocalStack. */
class Probe extends Stack {
  constructor(app: App) {
    super(app, 'Probe');
    const seen = new Queue(this, 'Seen');
    const dead = new Queue(this, 'Dead', { fifo: true });
    const work = new Queue(this, 'Work', {
      fifo: true,
      visibilityTimeout: Duration.seconds(5),
      deadLetterQueue: { queue: dead, maxReceiveCount: 2 },
    });
    const code = bundled(join(app.outdir, 'bundle'));
    const environment = {
      SEEN_QUEUE_URL: seen.queueUrl,
      GREETING: this.node.tryGetContext('greeting') ?? 'hello',
    };
    const lambda = (id: string, handler: string, timeoutSeconds: number) =>
      new LambdaFunction(this, id, {
        runtime: Runtime.NODEJS_24_X,
        handler,
        code,
        environment,
        timeout: Duration.seconds(timeoutSeconds),
        memorySize: 256,
      });
    const worker = lambda('Worker', 'worker.handler', 5);
    worker.addEventSource(new SqsEventSource(work, { batchSize: 10, reportBatchItemFailures: true }));
    seen.grantSendMessages(worker);
    const echo = lambda('Echo', 'echo.handler', 2);
    const patient = lambda('Patient', 'echo.handler', 20);
    const broken = lambda('Broken', 'broken.handler', 2);
    const workflow = new StateMachine(this, 'Workflow', {
      definitionBody: DefinitionBody.fromChainable(
        new LambdaInvoke(this, 'Call', {
          lambdaFunction: echo,
          payloadResponseOnly: true,
          retryOnServiceExceptions: false,
        }).addCatch(new Pass(this, 'Caught'), { errors: ['Refused'] }),
      ),
    });
    const bus = new EventBus(this, 'Bus');
    const events = new Queue(this, 'Events');
    new Rule(this, 'Rule', {
      eventBus: bus,
      eventPattern: { source: ['probe'], detail: { path: [{ suffix: '.csv' }] } },
      targets: [new SqsQueue(events)],
    });
    bus.applyRemovalPolicy(RemovalPolicy.DESTROY);
    const outputs = {
      SeenUrl: seen.queueUrl,
      DeadUrl: dead.queueUrl,
      WorkUrl: work.queueUrl,
      EventsUrl: events.queueUrl,
      BusName: bus.eventBusName,
      WorkerName: worker.functionName,
      EchoName: echo.functionName,
      PatientName: patient.functionName,
      BrokenName: broken.functionName,
      WorkflowArn: workflow.stateMachineArn,
    };
    for (const [key, value] of Object.entries(outputs)) new CfnOutput(this, key, { value });
  }
}

function bundled(outdir: string): Code {
  const source = (name: string) => fileURLToPath(new URL(`functions/${name}.ts`, import.meta.url));
  buildSync({
    entryPoints: ['worker', 'echo', 'broken'].map(source),
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    outdir,
  });
  return Code.fromAsset(outdir);
}

new Probe(new App());
