import { dirname, resolve } from 'node:path';
import { InvalidInput } from '../failure.ts';
import type { Config, SecretReference } from './config.ts';
import { type Data, dataAt, isData, listAt, valueAt, withValue } from './data.ts';
import { deployedConfig } from './deployed.ts';
import { readConfig, readText } from './load.ts';
import { byPlace, InvalidConfig, type Issue, type KeyPath, type Problem } from './problems.ts';
import { parseReference } from './references.ts';
import { readSecret } from './secrets.ts';
import { duration } from './values.ts';

const anyDuration = duration('0ms', '3650d');
const planningMs = 60_000;

export interface Deployable {
  readonly config: Config;
  /** What `deployedConfig` reads, with nothing in it that depends on the machine it was made on. */
  readonly json: string;
  readonly warnings: readonly Problem[];
}

/**
 * The configuration as functions on AWS take it along: variables of the environment applied, certificates read, outputs
 * of the local home left out. Throws InvalidConfig with everything that cannot work there. Constructors of CDK need it and
 * cannot wait, so it does not.
 */
export function deployableConfig(path: string, env: NodeJS.ProcessEnv): Deployable {
  const { data, warnings, locate } = readConfig(readText(path), path, env);
  const problems = deploymentIssues(data).map(locate);
  if (problems.length > 0) throw new InvalidConfig(problems.sort(byPlace));
  const json = JSON.stringify(withCertificates(withoutOutputs(data), dirname(resolve(path)), env));
  return {
    config: deployedConfig(json),
    json,
    warnings: [...warnings, ...deploymentCautions(data).map(locate)].sort(byPlace),
  };
}

function deploymentIssues(data: unknown): readonly Issue[] {
  return Object.entries(dataAt(data, 'servers')).flatMap(([name, server]): readonly Issue[] => {
    if (!isData(server)) return [];
    if (server['protocol'] === 'local') {
      const message =
        'a directory of this machine cannot be watched from AWS; remove the server and its watches';
      return [{ path: ['servers', name, 'protocol'], at: 'value', message }];
    }
    return credentialIssues(server, ['servers', name, 'auth']);
  });
}

function credentialIssues(server: Data, path: KeyPath): readonly Issue[] {
  return Object.entries(dataAt(server, 'auth')).flatMap(([key, value]): readonly Issue[] => {
    if (typeof value !== 'string' || !/^(env|file):/.test(value)) return [];
    const message = 'on AWS credentials come from Secrets Manager: store it there and write secret:NAME';
    return [{ path: [...path, key], at: 'value', message }];
  });
}

function deploymentCautions(data: unknown): readonly Issue[] {
  const watches = Object.keys(dataAt(data, 'watches')).map((name) => ['watches', name]);
  return [
    ...listAt(data, 'outputs').flatMap((output, index) => outputCautions(output, ['outputs', index])),
    ...[['defaults'], ...watches].flatMap((path) => paceCautions(data, [...path, 'every'])),
  ];
}

function outputCautions(output: unknown, path: KeyPath): readonly Issue[] {
  if (!isData(output) || output['type'] === 'stdout') return [];
  const message = 'belongs to the local home: on AWS changes go to the bus and to the queue';
  return [{ path, at: 'value', message }];
}

function paceCautions(data: unknown, path: KeyPath): readonly Issue[] {
  const every = anyDuration.safeParse(valueAt(data, path)).data;
  if (every === undefined || every >= planningMs) return [];
  return [{ path, at: 'value', message: 'on AWS the planner looks once a minute, and not more often' }];
}

function withoutOutputs(data: Data): Data {
  return Object.fromEntries(Object.entries(data).filter(([key]) => key !== 'outputs'));
}

/** Certificates are no secrets, and the functions have neither the files nor the variables of this machine. */
function withCertificates(data: Data, directory: string, env: NodeJS.ProcessEnv): unknown {
  let inlined: unknown = data;
  for (const [name, server] of Object.entries(dataAt(data, 'servers'))) {
    const ca = dataAt(server, 'tls')['ca'];
    if (typeof ca !== 'string' || !/^(env|file):/.test(ca)) continue;
    const reference = parseReference(ca);
    if ('refusal' in reference) throw new InvalidInput(reference.refusal);
    const text = readSecret(absolute(reference.value, directory), { env });
    inlined = withValue(inlined, ['servers', name, 'tls', 'ca'], `plain:${text}`);
  }
  return inlined;
}

function absolute({ source, value }: SecretReference, directory: string): SecretReference {
  return { source, value: source === 'file' ? resolve(directory, value) : value };
}
