import { resolve } from 'node:path';
import type { Config, OutputConfig } from './config.ts';
import type { ParsedOutput } from './outputs.ts';
import { presets } from './presets.ts';
import { located } from './references.ts';
import { resolveServers } from './resolve-servers.ts';
import { resolveWatch } from './resolve-watches.ts';
import type { ParsedConfig } from './schema.ts';

const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;

/** Applies defaults and presets and makes paths absolute. What comes in is known to be right. */
export function resolveConfig(parsed: ParsedConfig, directory: string, scales = presets): Config {
  const servers = resolveServers(parsed.servers, directory);
  const watches = Object.entries(parsed.watches ?? {});
  return {
    servers,
    watches: new Map(
      watches.map(([name, watch]) => [
        name,
        resolveWatch(name, watch, parsed.defaults ?? {}, servers, directory, scales),
      ]),
    ),
    outputs: resolveOutputs(parsed.outputs ?? [{ type: 'stdout' }], directory),
    retentionMs: parsed.retention ?? 30 * DAY,
  };
}

function resolveOutputs(outputs: readonly ParsedOutput[], directory: string): readonly OutputConfig[] {
  const given = new Set(outputs.flatMap(({ name }) => (name === undefined ? [] : [name])));
  return outputs.map((output, index) => {
    const before = outputs.slice(0, index).filter(({ type }) => type === output.type).length;
    return resolveOutput(output, output.name ?? freeName(output.type, before + 1, given), directory);
  });
}

function resolveOutput(output: ParsedOutput, name: string, directory: string): OutputConfig {
  const base = {
    name,
    notices: output.notices ?? false,
    maxBatch: output.maxBatch ?? 100,
    ...(output.watches && { watches: output.watches }),
  };
  switch (output.type) {
    case 'stdout':
      return { ...base, type: output.type };
    case 'file':
      return { ...base, type: output.type, path: resolve(directory, output.path) };
    case 'command':
      return {
        ...base,
        type: output.type,
        command: output.command,
        timeoutMs: output.timeout ?? 30 * SECOND,
      };
    case 'webhook': {
      const headers = Object.entries(output.headers ?? {});
      return {
        ...base,
        type: output.type,
        url: located(output.url, directory),
        headers: Object.fromEntries(headers.map(([key, value]) => [key, located(value, directory)])),
        timeoutMs: output.timeout ?? 30 * SECOND,
      };
    }
  }
}

/** `webhook`, `webhook-2`, …: stable while outputs of other types come and go. */
function freeName(type: string, ordinal: number, given: ReadonlySet<string>): string {
  const name = ordinal === 1 ? type : `${type}-${ordinal}`;
  return given.has(name) ? freeName(type, ordinal + 1, given) : name;
}
