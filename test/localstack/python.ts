import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A Python 3.13: LocalStack 4.14 fails on others. */
export function findPython(): string | undefined {
  const pyenv = process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv');
  const candidates = [
    ...(process.env['FARWATCH_PYTHON'] === undefined ? [] : [process.env['FARWATCH_PYTHON']]),
    ...globSync(join(pyenv, 'versions/3.13*/bin/python3.13')),
    ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'python3.13')),
    join(debianPython, 'usr/bin/python3.13'),
  ];
  return candidates.find(isPython313);
}

/** Where `install-python.sh` puts one. */
export const debianPython = '/opt/farwatch-python';

function isPython313(command: string): boolean {
  try {
    // pyenv's shim stands on the PATH even where no such version is chosen.
    const version = execFileSync(command, ['-c', 'import venv, ssl, sys; print(*sys.version_info[:2])'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return version.trim() === '3 13';
  } catch {
    return false;
  }
}

/** That Python, or an error that says how to come by one. */
export function pythonForLocalStack(): string {
  const python = findPython();
  if (python !== undefined) return python;
  throw new Error(
    'LocalStack 4.14 needs a Python 3.13: on Debian, `sudo bash test/localstack/install-python.sh`',
  );
}
