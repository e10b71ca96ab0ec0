import { hash } from 'node:crypto';
import type { Facts } from '../tree/entry.ts';
import { isEscaped, nameToBytes, readableName } from '../tree/name.ts';
import { type Change, changeFacts } from './change.ts';

/** A change before it has an identity; paths are relative to the root. */
export interface DraftChange {
  readonly type: Change['type'];
  readonly kind: Change['kind'];
  readonly path: string;
  readonly old: Facts | null;
  readonly new: Facts | null;
  readonly move?: {
    readonly from: string;
    readonly confidence: 'high' | 'medium';
    readonly evidence: readonly string[];
  };
}

export interface StampContext {
  readonly tenant: string;
  readonly server: string;
  readonly watch: string;
  /** Absolute on the server. */
  readonly root: string;
  readonly epoch: number;
  readonly scan: number;
  /** 1 while scanning, 2 in the reassembly. */
  readonly phase: 1 | 2;
}

/**
 * Gives the changes of one directory commit their identity. `generation` is the one the commit creates. Called
 * once, before the commit: what is stored is what is ever delivered (protocol rule 16).
 */
export function stampChanges(
  drafts: readonly DraftChange[],
  context: StampContext,
  generation: number,
  now: number,
): readonly Change[] {
  if (drafts.length === 0) return [];
  const detectedAt = new Date(now).toISOString();
  return drafts.map((draft, index) => {
    const sequence = sequenceOf(context, generation, index);
    const path = absolutePath(context.root, draft.path);
    return {
      version: 1,
      id: idOf(context, sequence, draft.path),
      sequence,
      type: draft.type,
      kind: draft.kind,
      tenant: context.tenant,
      server: context.server,
      watch: context.watch,
      path: readableName(path),
      ...(isEscaped(path) ? { pathBytes: nameToBytes(path).toString('base64') } : {}),
      ...(draft.move ? moved(context.root, draft.move) : {}),
      old: draft.old && changeFacts(draft.old, draft.kind),
      new: draft.new && changeFacts(draft.new, draft.kind),
      scan: context.scan,
      detectedAt,
    };
  });
}

/** UTF-16, because UTF-8 would make one character of all the lone surrogates that stand for bytes. */
function idOf({ tenant, watch }: StampContext, sequence: string, path: string): string {
  const text = `${tenant}\0${watch}\0${sequence}\0${path}`;
  return hash('sha256', Buffer.from(text, 'utf16le'), 'hex').slice(0, 32);
}

export function absolutePath(root: string, path: string): string {
  if (path === '') return root;
  return root === '/' ? `/${path}` : `${root}/${path}`;
}

/** Fixed width, so that strings compare as the numbers do: epoch, scan, phase, generation, index. */
function sequenceOf(context: StampContext, generation: number, index: number): string {
  const fixed = (value: number, width: number) => String(value).padStart(width, '0');
  return [
    fixed(context.epoch, 10),
    fixed(context.scan, 9),
    String(context.phase),
    fixed(generation, 9),
    fixed(index, 7),
  ].join('-');
}

function moved(root: string, move: NonNullable<DraftChange['move']>) {
  const from = absolutePath(root, move.from);
  return {
    from: readableName(from),
    ...(isEscaped(from) ? { fromBytes: nameToBytes(from).toString('base64') } : {}),
    confidence: move.confidence,
    evidence: move.evidence,
  };
}
