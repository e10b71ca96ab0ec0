import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A Python 3.13: LocalStack 4.14 fails on others. */
function findPython(): string | undefined {
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
const debianPython = '/opt/farwatch-python';

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

/** That Python; on Debian as root it is fetched where there is none. */
export function pythonForLocalStack(): string {
  const found = findPython();
  if (found !== undefined) return found;
  const script = fileURLToPath(new URL('install-python.sh', import.meta.url));
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    throw new Error(`LocalStack 4.14 needs a Python 3.13. On Debian: sudo bash ${relative('.', script)}`);
  }
  execFileSync('bash', [script], { stdio: ['ignore', 'inherit', 'inherit'] });
  const installed = findPython();
  if (installed === undefined) throw new Error('the Python 3.13 that was installed does not run');
  return installed;
}
