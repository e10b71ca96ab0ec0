import { type EventPattern, Match } from 'aws-cdk-lib/aws-events';
import type { Change } from '../../shared/changes/change.ts';
import type { Config } from '../../shared/config/config.ts';
import { nearest } from '../../shared/config/nearest.ts';
import { InvalidInput } from '../../shared/failure.ts';

export const eventSource = 'farwatch';

/** Which changes a rule is for. What is left out does not matter; values of one key are alternatives. */
export interface ChangePattern {
  readonly tenant?: readonly string[];
  readonly server?: readonly string[];
  readonly watch?: readonly string[];
  readonly type?: readonly Change['type'][];
  readonly kind?: readonly Change['kind'][];
  /** Whole paths, or with `*` for anything: `/incoming/*.csv`. */
  readonly path?: readonly string[];
}

const kinds = ['file', 'directory'] as const;
const types = ['created', 'modified', 'deleted', 'moved'] as const;

export function eventPattern(pattern: ChangePattern): EventPattern {
  const { tenant, server, watch } = pattern;
  const detail = {
    ...(tenant && { tenant: [...tenant] }),
    ...(server && { server: [...server] }),
    ...(watch && { watch: [...watch] }),
    ...(pattern.path && { path: Match.anyOf(...pattern.path.map(pathMatcher)) }),
  };
  return {
    source: [eventSource],
    detailType: detailTypes(pattern),
    ...(Object.keys(detail).length > 0 && { detail }),
  };
}

/** Always said, since the bus carries notices too. */
function detailTypes({ kind = kinds, type = types }: ChangePattern): string[] {
  return kinds
    .filter((each) => kind.includes(each))
    .flatMap((each) =>
      types.filter((candidate) => type.includes(candidate)).map((one) => [each, one] as const),
    )
    .filter(([each, one]) => !(each === 'directory' && one === 'modified'))
    .map((words) => words.map(capitalised).join(' '));
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function pathMatcher(path: string): string[] {
  return path.includes('*') ? Match.wildcard(path) : Match.exactString(path);
}

export function checkNames({ watch, server, tenant }: ChangePattern, config: Config): void {
  const watches = [...config.watches.values()];
  checkKnown('watch', watch, [...config.watches.keys()]);
  checkKnown('server', server, [...config.servers.keys()]);
  checkKnown('tenant', tenant, [...new Set(watches.map((each) => each.tenant))]);
}

function checkKnown(word: string, named: readonly string[] = [], known: readonly string[]): void {
  const stranger = named.find((name) => !known.includes(name));
  if (stranger === undefined) return;
  const near = nearest(stranger, known);
  throw new InvalidInput(`the configuration has no ${word} ${JSON.stringify(stranger)}`, {
    advice: near === undefined ? `It has: ${known.join(', ')}.` : `Did you mean ${JSON.stringify(near)}?`,
  });
}
