import * as z from 'zod';
import { referenceOr } from './references.ts';
import { count, duration, line, name } from './values.ts';

const common = {
  name: name().optional().describe('Names its position in the change log. Default: the type, numbered.'),
  notices: z
    .boolean()
    .optional()
    .describe('Whether notices such as Scan Completed are delivered too. Default: false.'),
  watches: z.array(line()).min(1).optional().describe('Only changes of these watches. Default: all.'),
  maxBatch: count(1, 1000).optional().describe('Changes in one delivery at most. Default: 100.'),
};

const timeout = duration('1ms', '1h')
  .optional()
  .describe('How long one delivery may take before it is tried again. Default: 30s.');

const url = referenceOr((plain) =>
  URL.canParse(plain) && /^https?:$/.test(new URL(plain).protocol)
    ? undefined
    : { refusal: 'not an http:// or https:// URL, nor a reference such as env:NAME' },
);

const header = referenceOr((plain) =>
  /[\0\r\n]/.test(plain) ? { refusal: 'a header must be a single line' } : undefined,
);

export const outputSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('stdout').describe('One JSON object per line.'), ...common }),
  z.strictObject({
    type: z.literal('file').describe('Appends one JSON object per line to a file.'),
    path: line().describe('The file, relative to the configuration.'),
    ...common,
  }),
  z.strictObject({
    type: z.literal('webhook').describe('Posts batches of changes to a URL.'),
    url: url.describe('Where to post; may be a reference such as env:NAME.'),
    headers: z
      .record(z.string(), header)
      .optional()
      .describe('Headers to send; a value is text or a reference such as env:NAME.'),
    timeout,
    ...common,
  }),
  z.strictObject({
    type: z.literal('command').describe('Runs a program per batch, which reads it from standard input.'),
    command: z
      .array(z.string(), {
        error: ({ code }) =>
          code === 'invalid_type'
            ? 'this must be a list: ["program", "argument"]; no shell reads it'
            : undefined,
      })
      .min(1)
      .describe('Program and arguments; no shell reads them.'),
    timeout,
    ...common,
  }),
]);

export type ParsedOutput = z.output<typeof outputSchema>;

/** A token of RFC 9110, section 5.6.2. Node has the same check, and 14 MB of HTTP with it. */
export function isHeaderName(value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(value);
}
