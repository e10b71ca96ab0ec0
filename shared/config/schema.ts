import * as z from 'zod';
import { outputSchema } from './outputs.ts';
import { serverSchema } from './servers.ts';
import { duration, named } from './values.ts';
import { defaultsSchema, watchSchema } from './watches.ts';

/** farwatch.yaml, each key by itself. What keys say about one another is in consistency.ts. */
export const configSchema = z.strictObject({
  servers: named(serverSchema).describe('The servers, by name.'),
  watches: named(watchSchema).optional().describe('The watches, by name.'),
  outputs: z
    .array(outputSchema)
    .optional()
    .describe('Where changes go in the local home. Default: standard output.'),
  defaults: defaultsSchema.optional().describe('Any key of a watch, for all watches that do not set it.'),
  retention: duration('1h', '3650d')
    .optional()
    .describe('How long the change log is kept once every output has it. Default: 30d.'),
});

export type ParsedConfig = z.output<typeof configSchema>;

/** Top-level keys for anchors: read by YAML, of no meaning to Farwatch (as in compose files). */
export const EXTENSION = /^x-/;

/** For editors: what a user may write, key by key with its description. */
export function configJsonSchema(): Record<string, unknown> {
  const { type, properties, ...rest } = z.toJSONSchema(configSchema, { io: 'input' });
  return {
    $schema: rest.$schema,
    title: 'farwatch.yaml',
    type,
    properties,
    required: rest.required,
    patternProperties: { [EXTENSION.source]: true },
    additionalProperties: false,
  };
}
