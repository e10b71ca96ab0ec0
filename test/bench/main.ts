import { writeFileSync } from 'node:fs';
import { bench } from './bench.ts';
import { chart } from './chart.ts';
import { help, parseOptions } from './options.ts';
import { usualTree } from './plan.ts';
import { verdictLine, verdicts } from './verdicts.ts';

const [first, ...rest] = process.argv.slice(2);
// Loaded only where it is wanted: it brings half of AWS along.
if (first === 'cost') await (await import('./cost/main.ts')).costMain(rest);
else await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => interrupted.abort());
  }
  const rows = await bench(options, interrupted.signal);
  if (interrupted.signal.aborted) process.exitCode = 1;
  const judged = verdicts(rows);
  if (judged.length > 0) process.stdout.write(`\n${judged.map(verdictLine).join('\n')}\n`);
  if (options.chart !== undefined) writeFileSync(options.chart, chart(rows, usualTree.files));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);
}
