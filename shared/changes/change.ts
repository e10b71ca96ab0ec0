import type { Facts, Precision } from '../tree/entry.ts';

/** What happened to one file or directory, once. The form that every channel carries; times are ISO 8601 UTC. */
export interface Change {
  readonly version: 1;
  /** Stays the same however often the change is delivered. */
  readonly id: string;
  /** Increases strictly for every path; compare as a string. */
  readonly sequence: string;
  readonly type: 'created' | 'modified' | 'deleted' | 'moved';
  readonly kind: 'file' | 'directory';
  readonly tenant: string;
  readonly server: string;
  readonly watch: string;
  /** Absolute on the server; bytes that are not UTF-8 show as U+FFFD, and then `pathBytes` (base64) is there. */
  readonly path: string;
  readonly pathBytes?: string;
  /** Moves only. */
  readonly from?: string;
  readonly fromBytes?: string;
  readonly confidence?: 'high' | 'medium';
  readonly evidence?: readonly string[];
  readonly old: ChangeFacts | null;
  readonly new: ChangeFacts | null;
  readonly scan: number;
  readonly detectedAt: string;
}

/** `size` in bytes, absent for directories; `modifiedAt` absent where the server does not say. */
export interface ChangeFacts {
  readonly size?: number;
  readonly modifiedAt?: string;
  readonly precision?: Precision;
}

export function changeFacts(facts: Facts, kind: Change['kind']): ChangeFacts {
  return {
    ...(kind === 'file' && facts.size !== null ? { size: facts.size } : {}),
    ...(facts.modifiedAt !== null
      ? { modifiedAt: isoTime(facts.modifiedAt, facts.precision), precision: facts.precision }
      : {}),
  };
}

/** No more digits than are known: seconds unless the precision is finer. */
function isoTime(ms: number, precision: Precision): string {
  const iso = new Date(ms).toISOString();
  return precision === 'millisecond' ? iso : iso.replace(/\.\d{3}Z$/, 'Z');
}

/**
 * News about watches and servers, not about files. Never stored in the change log: best effort on outputs with
 * `notices: true`, always in the log and in `status`.
 */
export interface Notice {
  readonly version: 1;
  readonly type: NoticeType;
  readonly tenant: string;
  readonly server: string;
  readonly watch?: string;
  readonly scan?: number;
  readonly at: string;
  /** One line for people. */
  readonly message: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

export type NoticeType =
  | 'Scan Completed'
  | 'Scan Incomplete'
  | 'Server Unreachable'
  | 'Login Refused'
  | 'Watch Suspended'
  | 'Watch Resumed';
