import type { Command } from 'commander';
import { escapeControls } from '../../shared/changes/stdout-readable.ts';
import type { Config } from '../../shared/config/config.ts';
import { slotKey } from '../../shared/config/identity.ts';
import type { State, WatchRecord } from '../../shared/state/state.ts';
import { type CommonOptions, configuration, withCommonOptions, withState } from './options.ts';

export function addStatus(program: Command): void {
  withCommonOptions(program.command('status'))
    .option('--json', 'one JSON object per watch')
    .description(
      'show watches, last scans, held deletions and errors; exit code 1 if anything needs attention',
    )
    .action(async (options: CommonOptions & { readonly json?: boolean }) => {
      const config = await configuration(options);
      process.exitCode = await withState(options, (state) => status(state, config, options.json ?? false));
    });
}

async function status(state: State, config: Config, json: boolean): Promise<number> {
  let attention = false;
  for (const watch of (await state.watches()).filter((record) => record.active)) {
    attention ||= watch.hold?.decision === 'pending' || watch.lastScan?.status === 'incomplete';
    const server = config.servers.get(watch.server);
    const refused = server && (await state.server(slotKey(server)));
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
