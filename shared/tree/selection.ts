/** What belongs to a watch. A change of any of it is a change of scope (protocol rule 12). */
export interface SelectionRules {
  /** Of the path relative to the root. */
  readonly include: readonly Pattern[];
  readonly exclude: readonly Pattern[];
  readonly caseSensitive: boolean;
  /** Whether names that begin with a dot count. */
  readonly hidden: boolean;
  /** 1: only the root's own entries. */
  readonly maxDepth: number | null;
  readonly minFileSize: number | null;
  readonly maxFileSize: number | null;
  readonly kinds: readonly ('file' | 'directory')[];
}

export interface Pattern {
  readonly type: 'glob' | 'regex';
  readonly pattern: string;
}
