import type { Logger as Pino } from 'pino';

/** What code needs of the log; both homes' loggers have it. */
export type Logger = Pick<Pino, 'debug' | 'info' | 'warn' | 'error' | 'child'>;
