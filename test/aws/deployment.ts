import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { z } from 'zod';
import { Farwatch, type FarwatchProps } from '../../infra/aws/farwatch.ts';
import { FarwatchStack } from '../../infra/aws/stack.ts';

export const configuration = fileURLToPath(new URL('farwatch.yaml', import.meta.url));

/** Apps write what they synthesise. AWS's own validation takes seconds, and is a part of the app's test. */
export const scratch = mkdtempSync(join(tmpdir(), 'farwatch-aws-'));
process.once('exit', () => rmSync(scratch, { recursive: true }));

function anApp(context: Record<string, string> = {}): App {
  return new App({
    context,
    outdir: mkdtempSync(join(scratch, 'app-')),
    builtinCloudFormationValidation: false,
  });
}

/** Bundling takes seconds, and is a matter of its own test. */
const code = () => Code.fromInline('exports.handler = () => undefined;');

export function deployment(props: Partial<FarwatchProps> = {}, context: Record<string, string> = {}) {
  const app = anApp(context);
  const stack = new FarwatchStack(app, 'Farwatch', { config: configuration, code, ...props });
  return { app, stack, template: Template.fromStack(stack) };
}

/** Farwatch in somebody else's stack, which `more` goes on to build. */
export function guest(more: (farwatch: Farwatch, stack: Stack) => void): Template {
  const stack = new Stack(anApp(), 'Warehouse');
  more(new Farwatch(stack, 'Watch', { config: configuration, code }), stack);
  return Template.fromStack(stack);
}

const resource = z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) });

/** By logical id, sorted. */
export function resources(template: Template, type: RegExp): readonly [string, z.output<typeof resource>][] {
  return Object.entries(z.record(z.string(), resource).parse(template.toJSON()['Resources']))
    .filter(([, { Type }]) => type.test(Type))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
