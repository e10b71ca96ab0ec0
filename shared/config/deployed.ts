import type { Config } from './config.ts';
import { deployedPresets } from './presets.ts';
import { resolveConfig } from './resolve.ts';
import { configSchema } from './schema.ts';

/** Reads the `json` that `deployableConfig` made, without a YAML parser: at the cold start of a function. */
export function deployedConfig(json: string): Config {
  const data: unknown = JSON.parse(json);
  return resolveConfig(configSchema.parse(data), '/', deployedPresets);
}
