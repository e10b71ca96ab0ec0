import type { Command } from 'commander';
import { changeFacts } from '../../shared/changes/change.ts';
import { absolutePath } from '../../shared/changes/stamp.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import type { State, WatchKey } from '../../shared/state/state.ts';
import { byNameThenKind } from '../../shared/tree/digest.ts';
import { joinPath } from '../../shared/tree/entry.ts';
import { isEscaped, nameToBytes, readableName } from '../../shared/tree/name.ts';
import { compileSelection } from '../../shared/tree/selection.ts';
import {
  type CommonOptions,
  configuration,
  printLines,
  watchNamed,
  withCommonOptions,
  withState,
} from './options.ts';

export function addSnapshot(program: Command): void {
  withCommonOptions(program.command('snapshot'))
    .argument('<watch>', 'name of the watch')
    .description('print the known tree, one JSON object per file or directory, as consumers know it')
    .action(async (name: string, options: CommonOptions) => {
      const { key, watch } = watchNamed(await configuration(options), name);
      await withState(options, (state) => printLines(snapshotLines(state, key, watch)));
    });
}

/** What a consumer that applied every change would hold: reported entries only. */
async function* snapshotLines(state: State, key: WatchKey, watch: WatchConfig): AsyncGenerator<string> {
  const selection = compileSelection(watch.selection);
  for await (const directory of state.directories(key, '')) {
    const heads = await state.chunkHeads(key, directory.path);
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
