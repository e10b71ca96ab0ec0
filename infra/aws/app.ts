import { App } from 'aws-cdk-lib';
import * as z from 'zod';
import { Failure } from '../../shared/failure.ts';
import { FarwatchStack } from './stack.ts';

const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')]);

/** What `cdk deploy -c KEY=VALUE` may say, or `context` in cdk.json. */
const context = z.object({
  config: z.string().min(1).default('farwatch.yaml'),
  stack: z.string().min(1).default('Farwatch'),
  fifo: flag.default(false),
  fixedIp: flag.default(false),
  alarmEmail: z.email().optional(),
  deletionProtection: flag.default(true),
});

const app = new App();
const keys = Object.keys(context.shape);
const parsed = context.safeParse(Object.fromEntries(keys.map((key) => [key, app.node.tryGetContext(key)])));
if (!parsed.success) refuse(`the context that -c gives cannot be used\n${z.prettifyError(parsed.error)}`);
try {
  const { stack, alarmEmail, ...props } = parsed.data;
  new FarwatchStack(app, stack, { ...props, ...(alarmEmail && { alarms: { email: alarmEmail } }) });
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  refuse(error.advice === undefined ? error.message : `${error.message}\n  ${error.advice}`);
}

function refuse(reason: string): never {
  process.stderr.write(`farwatch: ${reason}\n`);
  process.exit(2);
}
