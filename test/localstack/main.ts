import { spawnSync } from 'node:child_process';
import { installLocalStack } from './install.ts';
import { repository } from './installation.ts';

// `npm run test:localstack [files]`: installs LocalStack where it is not, and runs the tests on it. Nothing is skipped
// for want of it: what cannot be installed fails here.
const elsewhere = process.env['FARWATCH_TEST_LOCALSTACK'] !== undefined;
if (!elsewhere) installLocalStack();
const files = process.argv.slice(2);
const { status, signal } = spawnSync(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    ...['--import', './test/seed.ts', '--test', '--test-timeout=540000'],
    // Each file has a LocalStack of its own, unless there is one for all.
    `--test-concurrency=${elsewhere ? 1 : 2}`,
    ...(files.length > 0 ? files : ['test/localstack/**/*.test.ts']),
  ],
  { cwd: repository, stdio: 'inherit', env: { ...process.env, FARWATCH_TEST_LOCALSTACK_READY: '1' } },
);
process.exitCode = signal === null ? (status ?? 1) : 1;
