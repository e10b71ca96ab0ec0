/** The names under which a deployment's outputs have their positions in the change log. */
export const outputNames = { bus: 'bus', queue: 'queue', fifoQueue: 'fifo-queue' } as const;
