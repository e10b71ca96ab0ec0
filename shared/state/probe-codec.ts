import type { Probe } from '../tree/probe.ts';

const digestBytes = 12;

/** Twelve bytes, and four more while it is not trusted yet: every scan reads all of them. */
export function encodeProbe({ digest, since }: Probe): Uint8Array {
  const bytes = Buffer.alloc(since === null ? digestBytes : digestBytes + 4);
  bytes.write(digest, 'hex');
  if (since !== null) bytes.writeUInt32BE(since, digestBytes);
  return bytes;
}

/** Undefined for what is none. */
export function decodeProbe(stored: Uint8Array): Probe | undefined {
  const bytes = Buffer.from(stored);
  const digest = bytes.toString('hex', 0, digestBytes);
  if (bytes.length === digestBytes) return { digest, since: null };
  if (bytes.length === digestBytes + 4) return { digest, since: bytes.readUInt32BE(digestBytes) };
  return undefined;
}
