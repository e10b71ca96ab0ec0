import { stringify } from 'yaml';

export interface StarterAnswers {
  readonly protocol: 'sftp' | 'ftp' | 'ftps' | 'ftps-implicit' | 'local';
  /** Of no meaning to `local`. */
  readonly host: string;
  readonly port?: number;
  readonly username?: string;
  readonly root: string;
  /** Names of the watch and of the server. */
  readonly watch: string;
  readonly server: string;
  /** Reference to the password; by default an environment variable named after the server. */
  readonly auth?: string;
}

/** A farwatch.yaml that works and explains itself, to be edited by hand from then on. */
export function starterConfig(answers: StarterAnswers): string {
  return [
    '# What Farwatch watches. `farwatch check` says whether all is right; every key is in the README.',
    'servers:',
    `  ${quoted(answers.server)}:`,
    ...(answers.protocol === 'local' ? localLines() : remoteLines(answers)),
    '',
    'watches:',
    `  ${quoted(answers.watch)}:`,
    `    server: ${quoted(answers.server)}`,
    `    root: ${quoted(answers.root)}`,
    '    # include: ["**/*.csv"]        # only these; all without it',
    '    # exclude: ["archive/**"]',
    '    every: 5m                      # or cron: "*/5 6-20 * * 1-5" with timezone: Europe/Berlin',
    '    initial: baseline              # the first scan is silent; emit reports all it finds',
    '    # settle: 30s                  # report a file once it has looked the same for so long',
    '    # scale: medium                # small, medium, large, xl or xxl: the size of the tree',
    '',
    'outputs:',
    '  - { type: stdout }               # one JSON object per line',
    '  # - { type: webhook, url: "https://…", headers: { Authorization: env:HOOK_TOKEN } }',
    '',
  ].join('\n');
}

function localLines(): readonly string[] {
  return ['    protocol: local                # directories of this machine'];
}

function remoteLines(answers: StarterAnswers): readonly string[] {
  const { protocol, host, port, username = 'anonymous' } = answers;
  return [
    `    protocol: ${protocol}`,
    ...(protocol === 'ftp'
      ? ['    insecure: true                 # password and files travel in the clear']
      : []),
    `    host: ${quoted(host)}`,
    ...(port === undefined ? [] : [`    port: ${port}`]),
    `    username: ${quoted(username)}`,
    `    auth: { password: ${quoted(answers.auth ?? `env:${passwordVariable(answers.server)}`, true)} }`,
    ...(protocol === 'sftp'
      ? [
          '    # auth: { privateKey: file:id_ed25519, passphrase: env:KEY_PASSPHRASE }',
          '    hostKey: trust-on-first-use    # or the fingerprint SHA256:… to pin it',
        ]
      : []),
    '    connections: 4                 # sessions at most',
  ];
}

/** `partner-a` keeps its password in PARTNER_A_PASSWORD. */
export function passwordVariable(server: string): string {
  const variable = `${server.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_PASSWORD`;
  return /^\d/.test(variable) ? `_${variable}` : variable;
}

/** As YAML on one line, in quotes where YAML would read it otherwise. */
function quoted(value: string, inFlow = false): string {
  const text = stringify(value, { lineWidth: 0, blockQuote: false }).trimEnd();
  return inFlow && /[,[\]{}]/.test(value) && !/^["']/.test(text) ? JSON.stringify(value) : text;
}
