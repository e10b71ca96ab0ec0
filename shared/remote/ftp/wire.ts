import { nameFromBytes, nameToBytes } from '../../tree/name.ts';

/** Commands and replies travel as latin1, one character a byte, so that no byte of a name is lost. */
export function toWire(text: string): string {
  return nameToBytes(text).toString('latin1');
}

export function fromWire(text: string): string {
  return nameFromBytes(Buffer.from(text, 'latin1'));
}

/** A line break or NUL would end the command: such a name cannot be asked for (RFC 959, section 5.3.2). */
export function isSayable(path: string): boolean {
  return !/[\r\n\0]/.test(path);
}

/** What the server said, for people: one short line without the code and without anything that moves a cursor. */
export function printable(message: string): string {
  const text = fromWire(message)
    .replace(/^\d{3}[ -]?/gm, '')
    .replace(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trim();
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
