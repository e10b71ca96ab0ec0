import type { Probe } from '../../tree/probe.ts';
import { decodeProbe, encodeProbe } from '../probe-codec.ts';
import type { DirectoryRecord } from '../state.ts';
import { binary, bytesAt, damaged, type Item, type Key, number, numberAt } from './attributes.ts';
import { directoryKey, pathAttributes, pathOf } from './directory-keys.ts';
import type { WatchRow } from './watch-rows.ts';

/**
 * One small item per directory: every scan reads all of them, and DynamoDB bills by size (at most 110 bytes on
 * average). `g`eneration, `d`igest, s`c`ope and pro`f`ile as places in the watch's lists, s`t`ub, due `a`t, `h`eld,
 * pro`v`ed by, `r`eported, `l`isted, pro`b`e, cha`n`ged by, l`e`af; `z` is the stamp of the last commit. What is 0 or null is left out. `x` and `y`
 * are those of a pending write.
 */
export function directoryItem(
  row: WatchRow,
  path: string,
  generation: number,
  record: Omit<DirectoryRecord, 'path' | 'generation'>,
  stamp: number,
): Item {
  return {
    ...pathAttributes(path),
    g: number(generation),
    ...(record.digest === null ? {} : { d: binary(Buffer.from(record.digest, 'hex')) }),
    ...unlessZero('c', placeOf(row.scopes, record.scope)),
    ...unlessZero('f', placeOf(row.profiles, record.profile)),
    ...unlessZero('t', record.stub === null ? 0 : stubs.indexOf(record.stub) + 1),
    ...(record.dueAt === null ? {} : { a: number(record.dueAt) }),
    ...(record.held ? { h: number(1) } : {}),
    ...unlessZero('v', record.provedBy),
    ...unlessZero('r', record.reported),
    ...unlessZero('l', record.listed),
    ...(record.probe === null || isOfSftp(record) ? {} : { b: binary(encodeProbe(record.probe)) }),
    ...unlessZero('n', record.changedBy),
    ...unlessZero('e', record.leaf ? 1 : 0),
    z: number(stamp),
  };
}

const stubs = ['baseline', 'new'] as const;

export function stubItem(tree: number, path: string, stub: 'baseline' | 'new'): { key: Key; item: Item } {
  return {
    key: directoryKey(tree, path),
    item: { ...pathAttributes(path), t: number(stubs.indexOf(stub) + 1) },
  };
}

export function generationOf(item: Item): number {
  return numberAt(item, 'g', 0);
}

/** Undefined where the watch's lists, as known here, are too short: somebody has added to them. */
export function directoryRecord(row: WatchRow, item: Item): DirectoryRecord | undefined {
  const scope = nameAt(row.scopes, numberAt(item, 'c', 0));
  const profile = nameAt(row.profiles, numberAt(item, 'f', 0));
  if (scope === undefined || profile === undefined) return undefined;
  const stub = numberAt(item, 't', 0);
  if (stub > stubs.length) throw damaged('a stub');
  return {
    path: pathOf(item),
    generation: generationOf(item),
    digest: item['d'] === undefined ? null : Buffer.from(bytesAt(item, 'd')).toString('hex'),
    scope,
    profile,
    stub: stubs[stub - 1] ?? null,
    dueAt: item['a'] === undefined ? null : numberAt(item, 'a'),
    held: item['h'] !== undefined,
    provedBy: numberAt(item, 'v', 0),
    reported: numberAt(item, 'r', 0),
    listed: numberAt(item, 'l', 0),
    probe: item['b'] === undefined ? null : probeAt(item, 'b'),
    changedBy: numberAt(item, 'n', 0),
    leaf: item['e'] !== undefined,
  };
}

/** Its probe saves work of the processor, which is cheaper here than the reading of twelve bytes in every scan. */
function isOfSftp({ profile }: Pick<DirectoryRecord, 'profile'>): boolean {
  return profile.startsWith('sftp ');
}

function probeAt(item: Item, name: string): Probe {
  const probe = decodeProbe(bytesAt(item, name));
  if (probe === undefined) throw damaged('a probe');
  return probe;
}

/** Places begin at 1; 0 is the empty name. */
function placeOf(names: readonly string[], name: string): number {
  return name === '' ? 0 : names.indexOf(name) + 1;
}

function nameAt(names: readonly string[], place: number): string | undefined {
  return place === 0 ? '' : names[place - 1];
}

function unlessZero(name: string, value: number): Item {
  return value === 0 ? {} : { [name]: number(value) };
}
