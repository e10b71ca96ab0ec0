import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import bytes from 'bytes';
import ms from 'ms';
import * as z from 'zod';
import { nearest } from './nearest.ts';

/** What a parser returns for text it does not accept. Says what to write and never repeats the text. */
export interface Refusal {
  readonly refusal: string;
  readonly suggestion?: string | undefined;
}

/** Text with a meaning: `parse` gives the value or says what is wrong; `pattern` is for editors. */
export function text<T>(
  parse: (text: string) => { readonly value: T } | Refusal,
  options: { readonly pattern?: string; readonly otherwise?: (input: unknown) => string | undefined } = {},
) {
  const { pattern, otherwise } = options;
  const plain = otherwise === undefined ? z.string() : z.string({ error: ({ input }) => otherwise(input) });
  return (pattern === undefined ? plain : plain.meta({ pattern })).transform((input, context) => {
    const parsed = parse(input);
    if (!('refusal' in parsed)) return parsed.value;
    context.addIssue({
      code: 'custom',
      message: parsed.refusal,
      params: { suggestion: parsed.suggestion },
    });
    return z.NEVER;
  });
}

const NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';
export const NAME_RULE =
  'a name begins with a letter or digit and has at most 63 letters, digits, dots, dashes and underscores';

export function isName(value: string): boolean {
  return new RegExp(NAME).test(value);
}

export function name() {
  return text((value) => (isName(value) ? { value } : { refusal: NAME_RULE }), { pattern: NAME });
}

/** A map of named things. The names are checked by consistency.ts, so that what is below a bad name is checked too. */
export function named<T extends z.ZodType>(thing: T) {
  return z.record(z.string(), thing).meta({ propertyNames: { pattern: NAME } });
}

type DurationText = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;
const DURATION = '^[0-9]+([.][0-9]+)?(ms|s|m|h|d)$';
const DURATION_FORMS = '500ms, 30s, 5m, 2h or 30d';

function isDuration(value: string): value is DurationText {
  return value.length <= 20 && new RegExp(DURATION).test(value);
}

/** Milliseconds. */
export function duration(least: DurationText, most: DurationText) {
  return text(
    (value) => {
      if (!isDuration(value)) return { refusal: `not a duration; write it like ${DURATION_FORMS}` };
      const milliseconds = Math.round(ms(value));
      return milliseconds < ms(least) || milliseconds > ms(most)
        ? { refusal: `must be from ${least} to ${most}` }
        : { value: milliseconds };
    },
    {
      pattern: DURATION,
      otherwise: (input) =>
        typeof input === 'number'
          ? `a duration needs a unit; write ${input}s for seconds or ${input}m for minutes`
          : undefined,
    },
  );
}

const SIZE = '^[0-9]+([.][0-9]+)? ?([kKmMgGtTpP]?[bB])$';

/** Bytes. The units are those of `bytes`: 1KB is 1024. */
export function size() {
  return z.union([
    z.number().int().min(0),
    text(
      (value) => {
        const parsed = value.length <= 30 && new RegExp(SIZE).test(value) ? bytes(value) : null;
        return parsed !== null && Number.isSafeInteger(Math.round(parsed))
          ? { value: Math.round(parsed) }
          : {
              refusal:
                'not a size; write it like 500KB, 10MB or 2GB (1KB is 1024 bytes), or a number of bytes',
            };
      },
      { pattern: SIZE },
    ),
  ]);
}

export function count(least: number, most: number) {
  return z.number().int().min(least).max(most);
}

export function timezone() {
  return text((value) => {
    if (/^[A-Za-z]/.test(value) && isZone(value)) return { value };
    return {
      refusal: 'not an IANA time zone; write it like Europe/Berlin, or UTC',
      suggestion: nearest(value, Intl.supportedValuesOf('timeZone')),
    };
  });
}

function isZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

export function host() {
  return text((value) => {
    if (isIP(value) !== 0) return { value };
    if (value.includes('://'))
      return { refusal: 'a host only: no ftp:// or sftp:// before it, no path after it' };
    if (/^\[.*\]$/.test(value)) return { refusal: 'an IPv6 address is written without brackets' };
    if (/:\d+$/.test(value)) return { refusal: 'a host only: the port has a key of its own, port' };
    return /^[^\s/:@?#[\]\\]+$/.test(value) && domainToASCII(value) !== ''
      ? { value }
      : { refusal: 'not a host; write a name like sftp.example.com or an IP address' };
  });
}

/** One line of text: FTP would take the rest of it for a command (CWE-93). */
export function line() {
  return text((value) => {
    if (value === '') return { refusal: 'must not be empty' };
    return /[\0\r\n]/.test(value) ? { refusal: 'must be a single line' } : { value };
  });
}
