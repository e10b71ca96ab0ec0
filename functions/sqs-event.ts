import * as z from 'zod';

/** The part of an SQS event that the functions read. */
export const sqsRecord = z.object({
  messageId: z.string(),
  receiptHandle: z.string(),
  body: z.string(),
  attributes: z.object({ ApproximateReceiveCount: z.coerce.number() }),
});

export const sqsEvent = z.object({ Records: z.array(sqsRecord) });

export type SqsRecord = z.infer<typeof sqsRecord>;
