import type { Change } from '../../shared/changes/change.ts';
import { type DraftChange, stampChanges } from '../../shared/changes/stamp.ts';
import { nameFromBytes } from '../../shared/tree/name.ts';

const facts = { size: 1, modifiedAt: Date.UTC(2026, 10, 21, 1, 20), precision: 'second' } as const;

/** Names that servers may hold, each a trap for some encoding, limit or separator. */
const names: readonly string[] = [
  'zeile\numbruch',
  'carriage\r\nreturn',
  '"quoted" \\back\\slash',
  '\u0001\u0008\u001b[31m\u007f\u0085\u2028\u2029',
  'emoji 👩‍👩‍👧‍👦 🇩🇪',
  'decomposed a\u0308 and composed ä',
  'العربية ‮reversed',
  // The last two of the plane: valid UTF-8 and valid JSON, but not XML, and SQS takes only what XML does.
  'noncharacters \ufffe\uffff\u{1ffff}\u{10ffff}',
  '\ufeffmark',
  "x' OR '1'='1; </script> {{x}} %s %00 &amp;",
  'a'.repeat(255),
  '漢'.repeat(85),
];

/** Bytes that are not UTF-8: the name as Latin-1 has it, cut sequences, a surrogate in CESU-8. */
const bytes: readonly Buffer[] = [
  Buffer.from('größe.csv', 'latin1'),
  Buffer.from([0x61, 0xc3]),
  Buffer.from([0xed, 0xa0, 0x80, 0xff, 0xfe]),
];

const longest = Array.from({ length: 16 }, (_, index) => `${index}`.padEnd(255, 'ü').slice(0, 128)).join('/');

function created(path: string): DraftChange {
  return { type: 'created', kind: 'file', path, old: null, new: facts };
}

const drafts: readonly DraftChange[] = [
  ...names.map(created),
  ...bytes.map((name) => created(nameFromBytes(name))),
  created(longest),
  { type: 'deleted', kind: 'directory', path: '\n', old: facts, new: null },
  {
    type: 'moved',
    kind: 'file',
    path: nameFromBytes(Buffer.from([0xff])),
    old: facts,
    new: facts,
    move: { from: nameFromBytes(Buffer.from([0xfe])), confidence: 'high', evidence: ['size', 'name'] },
  },
];

/** One of each, as they are stamped for publishing. */
export const hostileChanges: readonly Change[] = stampChanges(
  drafts,
  {
    tenant: 'acme',
    server: 'partner-a',
    watch: 'incoming',
    root: '/in coming',
    epoch: 1,
    scan: 42,
    phase: 1,
  },
  1,
  Date.UTC(2026, 10, 21, 1, 25),
);
