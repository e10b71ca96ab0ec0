import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { z } from 'zod';

const request = z.object({
  sleepMs: z.number().default(0),
  answerBytes: z.number().default(0),
  text: z.string().default(''),
  end: z.enum(['answer', 'throw', 'exit']).default('answer'),
});

class Refused extends Error {
  override readonly name = 'Refused';
}

export async function handler(event: unknown, context: Context) {
  const { sleepMs, answerBytes, text, end } = request.parse(event);
  console.log(`asked to ${end}`);
  await sleep(sleepMs);
  if (end === 'throw') throw new Refused('no');
  if (end === 'exit') process.exit(3);
  return {
    pid: process.pid,
    textLength: text.length,
    filler: 'x'.repeat(answerBytes),
    greeting: process.env['GREETING'],
    remainingMs: context.getRemainingTimeInMillis(),
    function: {
      name: context.functionName,
      memory: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
      handler: process.env['_HANDLER'],
      node: process.versions.node,
    },
  };
}
