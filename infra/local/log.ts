import { createRequire } from 'node:module';
import pino, { type Logger } from 'pino';
import { escapeControls } from '../../shared/changes/stdout-readable.ts';
import { Failure, InvalidInput } from '../../shared/failure.ts';
import { withoutSecrets } from '../../shared/log.ts';

export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people; else one JSON object a line. */
  readonly pretty: boolean;
  /** Values that no line may hold. The caller adds to the set as it reads secrets. */
  readonly secrets?: ReadonlySet<string>;
  /** Takes the progress line off the terminal while a line is printed. */
  readonly suspend?: (print: () => void) => void;
  /** Default: standard error, synchronously, so that the last words of a dying process arrive. */
  readonly write?: (line: string) => void;
}

export function createLog(options: LogOptions): Logger {
  const write = options.write ?? standardError();
  const suspend = options.suspend ?? ((print) => print());
  const shape = options.pretty ? prettyLine() : (line: string) => line;
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
      redact: { paths: secretPaths, censor: '[secret]' },
      hooks: { streamWrite: (line) => withoutSecrets(line, options.secrets ?? new Set()) },
    },
    { write: (line) => suspend(() => write(shape(line))) },
  );
}

export function parseLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text.trim().toLowerCase());
  if (level !== undefined) return level;
  throw new InvalidInput(`${JSON.stringify(text)} is no log level`, {
    advice: `Set --log-level or FARWATCH_LOG_LEVEL to one of ${logLevels.join(', ')}.`,
  });
}

const secretKeys = [
  'password',
  'passphrase',
  'privateKey',
  'auth',
  'authorization',
  'Authorization',
  'headers',
];
const secretPaths = secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/** Our own failures are for the user: what happened and what to do. Anything else is a defect: with its stack. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Failure)) return error instanceof Error ? pino.stdSerializers.err(error) : error;
  const { name, message, advice } = error;
  return {
    name,
    message,
    ...('reason' in error ? { reason: error.reason } : {}),
    ...(advice === undefined ? {} : { advice }),
    ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
  };
}

function prettyLine(): (line: string) => string {
  // Most runs have no terminal and are over in a second: they need not load it.
  const pretty: typeof import('pino-pretty') = createRequire(import.meta.url)('pino-pretty');
  return pretty.prettyFactory({
    colorize: process.stderr.hasColors?.() ?? false,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
    // A server's words may hold commands to the terminal; JSON escapes them, this format would not.
    messageFormat: (log, key) => {
      const message: unknown = log[key];
      return typeof message === 'string' ? escapeControls(message) : '';
    },
  });
}

function standardError(): (line: string) => void {
  const stream = pino.destination({ fd: 2, sync: true });
  // Nobody reads the log any more: no reason to stop watching.
  stream.on('error', () => undefined);
  return (line) => void stream.write(line);
}
