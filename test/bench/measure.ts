import { type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Measured {
  readonly wallSeconds: number;
  /** User and system, of the process alone. */
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
  readonly exitCode: number | null;
  readonly stdoutLines: number;
  readonly stderr: string;
}

const lookMs = 20;

/** Runs a command as a whole process. Peak memory and CPU come from /proc, where the kernel keeps the peak. */
export function measure(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let seen = { peakMegabytes: 0, cpuSeconds: 0 };
    let stdoutLines = 0;
    let stderr = '';
    const look = setInterval(() => {
      seen = usage(child.pid ?? 0) ?? seen;
    }, lookMs);
    child.stdout?.on('data', (data: Buffer) => {
      for (const byte of data) if (byte === 0x0a) stdoutLines += 1;
    });
    child.stderr?.on('data', (data: Buffer) => {
      stderr = (stderr + data.toString()).slice(-4_000);
    });
    child.on('error', (error) => {
      clearInterval(look);
      reject(error);
    });
    child.on('close', (exitCode) => {
      clearInterval(look);
      resolve({ ...seen, wallSeconds: (performance.now() - began) / 1_000, exitCode, stdoutLines, stderr });
    });
  });
}

function usage(pid: number): { readonly peakMegabytes: number; readonly cpuSeconds: number } | undefined {
  try {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    // After the command's name in parentheses: utime and stime are fields 14 and 15, in ticks of 10 ms.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    if (peak === undefined) return undefined;
    return {
      peakMegabytes: Number(peak) / 1_024,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    };
  } catch {
    return undefined; // it has ended
  }
}
