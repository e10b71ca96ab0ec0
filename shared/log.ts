/** What code needs of the log: a record's fields, or an `err`, and a line for people. Both homes' loggers have it. */
export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  /** A logger whose records all carry these fields. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

export type LogLine = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/**
 * A secret in a message of a library or a server, or as the password of a URL: key names do not help there. `written`: how
 * the text spells a secret; text that is no JSON line yet spells it as it is.
 */
export function withoutSecrets(
  text: string,
  secrets: ReadonlySet<string>,
  written: (secret: string) => string = inJson,
): string {
  let clean = text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/@:"]*):[^\s/@"]+@/gi, '$1:[secret]@');
  // The long ones first: a short one inside would leave the rest of them standing.
  for (const secret of [...secrets].toSorted((a, b) => b.length - a.length)) {
    // Shorter ones are part of ordinary words; the lines would be unreadable and show where they occur.
    if (secret.length >= 4) clean = clean.replaceAll(written(secret), '[secret]');
  }
  return clean;
}

function inJson(secret: string): string {
  return JSON.stringify(secret).slice(1, -1);
}
