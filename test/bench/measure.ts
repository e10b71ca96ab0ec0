import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Measured {
  readonly wallSeconds: number;
  /** User and system, of the process and all children that it waited for. */
  readonly cpuSeconds: number;
  /** Of the process itself. */
  readonly peakMegabytes: number;
  readonly exitCode: number | null;
  readonly stdoutLines: number;
  readonly stderr: string;
}

export interface MeasureOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Kills the process. */
  readonly signal?: AbortSignal;
}

const lookMs = 10;
const ticksASecond = 100;

/**
 * Runs a command as a whole process. CPU is what the kernel charges us for a child once it has ended, so only one may
 * run at a time; the peak of its memory is kept in /proc and must be looked up while it lives.
 */
export function measure(command: readonly string[], options: MeasureOptions = {}): Promise<Measured> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const cpuBefore = cpuOfChildren();
    const began = performance.now();
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      killSignal: 'SIGKILL',
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let peakMegabytes = 0;
    let stdoutLines = 0;
    let stderr = '';
    const look = setInterval(() => {
      peakMegabytes = peakOf(child.pid ?? 0) ?? peakMegabytes;
    }, lookMs);
    child.stdout.on('data', (data: Buffer) => {
      for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) stdoutLines += 1;
    });
    child.stderr.on('data', (data: Buffer) => {
      stderr = (stderr + data.toString()).slice(-4_000);
    });
    child.on('error', (error) => {
      clearInterval(look);
      reject(error);
    });
    child.on('close', (exitCode) => {
      clearInterval(look);
      const wallSeconds = (performance.now() - began) / 1_000;
      const cpuSeconds = cpuOfChildren() - cpuBefore;
      resolve({ wallSeconds, cpuSeconds, peakMegabytes, exitCode, stdoutLines, stderr });
    });
  });
}

/** Of our own children that have ended, and theirs. */
function cpuOfChildren(): number {
  // After the name in parentheses: cutime and cstime are fields 16 and 17.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / ticksASecond;
}

function peakOf(pid: number): number | undefined {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
  } catch {
    return undefined; // it has ended
  }
}
