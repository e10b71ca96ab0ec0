import type { Data } from './data.ts';
import { dataAt, isData, listAt } from './data.ts';
import type { Issue, KeyPath } from './problems.ts';
import { defaultConnections, defaultPorts } from './servers.ts';

/** What works and should not stay so. */
export function cautionIssues(data: unknown): readonly Issue[] {
  const servers = Object.entries(dataAt(data, 'servers'));
  const outputs = listAt(data, 'outputs');
  return [
    ...servers.flatMap(([name, server]) => (isData(server) ? serverCautions(server, ['servers', name]) : [])),
    ...sharedLimitCautions(servers),
    ...outputs.flatMap((output, index) => (isData(output) ? outputCautions(output, ['outputs', index]) : [])),
    ...(Object.keys(dataAt(data, 'watches')).length === 0
      ? [{ path: ['watches'], at: 'key' as const, message: 'there is no watch, so nothing will happen' }]
      : []),
  ];
}

function serverCautions(server: Data, path: KeyPath): readonly Issue[] {
  const inTheClear = Object.entries(dataAt(server, 'auth'))
    .filter(([, value]) => typeof value === 'string' && value.startsWith('plain:'))
    .map(([key]) => clearText([...path, 'auth', key]));
  const tls: KeyPath = [...path, 'tls', 'verify'];
  return dataAt(server, 'tls')['verify'] === false
    ? [
        ...inTheClear,
        {
          path: tls,
          at: 'value',
          message:
            'anybody on the way can pose as this server and read the password; trust its certificate with ca',
        },
      ]
    : inTheClear;
}

/** Two names of one account share its sessions (protocol rule 4), so the lowest number rules. */
function sharedLimitCautions(servers: readonly (readonly [string, unknown])[]): readonly Issue[] {
  const accounts = new Map<string, { name: string; connections: unknown }>();
  return servers.flatMap(([name, server]): readonly Issue[] => {
    if (!isData(server) || server['host'] === undefined) return [];
    const { connections = defaultConnections.remote } = server;
    const account = accountOf(server);
    const first = accounts.get(account) ?? { name, connections };
    accounts.set(account, first);
    if (first.connections === connections) return [];
    const message = `shares its sessions with server ${first.name}: the lower number of connections holds for both`;
    return [{ path: ['servers', name, 'connections'], at: 'value', message }];
  });
}

function accountOf({ protocol, host, port, username }: Data): string {
  const usual = Object.entries(defaultPorts).find(([key]) => key === protocol)?.[1];
  return JSON.stringify([String(host).toLowerCase(), port ?? usual, username]);
}

function outputCautions(output: Data, path: KeyPath): readonly Issue[] {
  const headers = Object.entries(dataAt(output, 'headers'))
    .filter(([name, value]) => isCredential(name) && typeof value === 'string' && isClear(value))
    .map(([name]) => clearText([...path, 'headers', name]));
  const url = output['url'];
  const address = typeof url === 'string' ? url.replace(/^plain:/, '') : '';
  const login = URL.canParse(address) && new URL(address).password !== '';
  return login ? [...headers, clearText([...path, 'url'])] : headers;
}

function isCredential(header: string): boolean {
  return /authori[sz]ation|token|secret|password|cookie|api-?key|signature/i.test(header);
}

function isClear(value: string): boolean {
  return !/^(env|file|secret):/.test(value);
}

function clearText(path: KeyPath): Issue {
  return {
    path,
    at: 'value',
    message:
      'a secret in the clear: everybody who can read this file has it; write env:NAME, file:PATH or secret:NAME',
  };
}
