import type { Command } from 'commander';
import { escapeControls } from '../../shared/changes/stdout-readable.ts';
import { slotKeyOf } from '../../shared/config/identity.ts';
import type { State, WatchRecord } from '../../shared/state/state.ts';
import { withHome } from './home.ts';
import { withHomeOptions } from './options.ts';

export function addStatus(program: Command): void {
  withHomeOptions(program.command('status'))
    .option('--json', 'one JSON object per watch')
    .description(
      'show watches, last scans, held deletions and errors; exit code 1 if anything needs attention',
    )
    .action(async ({ json }: { readonly json?: boolean }, command: Command) => {
      process.exitCode = await withHome(command, ({ state }) => status(state, json ?? false));
    });
}

async function status(state: State, json: boolean): Promise<number> {
  let attention = false;
  for (const watch of (await state.watches()).filter((record) => record.active)) {
    attention ||= watch.hold?.decision === 'pending' || watch.lastScan?.status === 'incomplete';
    const known = await state.server(slotKeyOf(watch));
    const refused = known !== undefined && known.failures > 0 ? known : undefined;
    attention ||= refused !== undefined;
    if (json) process.stdout.write(`${JSON.stringify({ ...watch, plan: undefined, refused })}\n`);
    else process.stdout.write(`${readableStatus(watch, refused?.message)}\n`);
  }
  return attention ? 1 : 0;
}

function readableStatus(watch: WatchRecord, refused: string | undefined): string {
  const lines = [`${watch.key}  ${watch.server}:${watch.root}${watch.paused ? '  (paused)' : ''}`];
  const { lastScan, hold } = watch;
  if (watch.openScan !== null) lines.push(`  scan ${watch.openScan} is under way`);
  if (lastScan === null) lines.push('  not scanned yet');
  else {
    const { counts, status, endedAt, startedAt } = lastScan;
    lines.push(
      `  scan ${lastScan.scan} ${status} ${iso(endedAt)}: ${counts.files} files in ${counts.directories} directories, ` +
        `${counts.changes} changes, ${((endedAt - startedAt) / 1_000).toFixed(1)} s`,
    );
    if (lastScan.failure) {
      lines.push(`  ${lastScan.failure.error}: ${lastScan.failure.message}`);
      if (lastScan.failure.advice) lines.push(`    ${lastScan.failure.advice}`);
    }
    for (const { path, reason, detail } of lastScan.partials.slice(0, 5)) {
      lines.push(`  not listed: ${path === '' ? '(root)' : path}: ${reason}: ${detail}`);
    }
    if (status === 'incomplete' && watch.lastCompleteAt !== null) {
      lines.push(`  last complete ${iso(watch.lastCompleteAt)}`);
    }
  }
  if (refused !== undefined) lines.push(`  login refused: ${refused}`);
  if (hold !== null) {
    lines.push(
      `  ${hold.count} deletions (${hold.percent} % of the tree) are held since scan ${hold.scan}, set ${hold.digest}` +
        (hold.decision === 'approved'
          ? ': approved, waiting for the next scan'
          : ': farwatch approve or reject'),
    );
  }
  if (!watch.paused) lines.push(`  next scan ${iso(watch.nextDueAt)}`);
  return lines.map(escapeControls).join('\n');
}

function iso(ms: number): string {
  return ms === 0 ? 'at once' : new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
