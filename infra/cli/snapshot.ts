import type { Command } from 'commander';
import { changeFacts } from '../../shared/changes/change.ts';
import { absolutePath } from '../../shared/changes/stamp.ts';
import type { State } from '../../shared/state/state.ts';
import { byNameThenKind } from '../../shared/tree/digest.ts';
import { joinPath } from '../../shared/tree/entry.ts';
import { isEscaped, nameToBytes, readableName } from '../../shared/tree/name.ts';
import { type NamedWatch, withHome } from './home.ts';
import { printLines, withHomeOptions } from './options.ts';

export function addSnapshot(program: Command): void {
  withHomeOptions(program.command('snapshot'))
    .argument('<watch>', 'name of the watch')
    .description('print the known tree, one JSON object per file or directory, as consumers know it')
    .action(async (name: string, _options: unknown, command: Command) => {
      await withHome(command, async (home) => {
        await printLines(snapshotLines(home.state, await home.watchNamed(name)));
      });
    });
}

/** What a consumer that applied every change would hold: reported entries only. */
async function* snapshotLines(state: State, watch: NamedWatch): AsyncGenerator<string> {
  const { key } = watch;
  for await (const directory of state.directories(key, '')) {
    const heads = await state.chunkHeads(key, directory.path);
    if (heads.length === 0) continue;
    const selection = await watch.selection(directory.scope);
    const ids = heads.map((head) => head.chunk);
    const chunks = await state.chunks(key, directory.path, ids);
    for (const entry of chunks.flatMap((chunk) => chunk.entries).toSorted(byNameThenKind)) {
      const path = joinPath(directory.path, entry.name);
      if (entry.reported === null || !selection.admits(path, entry.kind)) continue;
      const absolute = absolutePath(watch.root, path);
      yield JSON.stringify({
        path: readableName(absolute),
        ...(isEscaped(absolute) ? { pathBytes: nameToBytes(absolute).toString('base64') } : {}),
        kind: entry.kind,
        ...changeFacts(entry.reported, entry.kind),
      });
    }
  }
}
