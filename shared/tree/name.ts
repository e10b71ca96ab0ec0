/**
 * Names on servers are bytes; most are UTF-8, some are not. Inside Farwatch a name is a string in which each byte
 * that is no part of valid UTF-8 stands as one lone surrogate U+DC80…U+DCFF (the scheme of Python's PEP 383).
 * So nothing is lost, ordinary names are ordinary strings, and a name can be sent back to the server as it was.
 */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Other lone surrogates, as a configuration can spell them, stand for no byte: U+DC2F must not become a slash. */
const escapedBytes = /(?<![\ud800-\udbff])[\udc80-\udcff]/g;

export function nameFromBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeEscaping(bytes);
  }
}

const replacement = '\ufffd';

/** The same of a part of a buffer, and several times faster for names that are UTF-8. */
export function nameWithin(bytes: Buffer, start: number, end: number): string {
  const name = bytes.toString('utf8', start, end);
  // The decoder marks what is not UTF-8.
  return name.includes(replacement) ? nameFromBytes(bytes.subarray(start, end)) : name;
}

export function nameToBytes(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, 'utf8');
  const parts: Buffer[] = [];
  let start = 0;
  for (const match of name.matchAll(escapedBytes)) {
    parts.push(Buffer.from(name.slice(start, match.index), 'utf8'));
    parts.push(Buffer.from([name.charCodeAt(match.index) & 0xff]));
    start = match.index + 1;
  }
  parts.push(Buffer.from(name.slice(start), 'utf8'));
  return Buffer.concat(parts);
}

/** Whether the name has bytes that are not UTF-8, so that `readableName` alone does not say it exactly. */
export function isEscaped(name: string): boolean {
  return !name.isWellFormed();
}

/** For people and JSON: bytes that are not UTF-8 become U+FFFD. */
export function readableName(name: string): string {
  return name.toWellFormed();
}

function decodeEscaping(bytes: Uint8Array): string {
  let name = '';
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i);
    if (length === 0) {
      name += String.fromCharCode(0xdc00 | (bytes[i] ?? 0));
      i += 1;
    } else {
      name += strict.decode(bytes.subarray(i, i + length));
      i += length;
    }
  }
  return name;
}

/** Length of the valid UTF-8 sequence at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** The same text by itself: as a part of a longer one, which V8 makes it where it can, it keeps all of that in memory. */
export function detached(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
