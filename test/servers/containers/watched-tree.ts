import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeSparse } from '../../sparse-file.ts';
import type { ContainerServer, ManyFiles } from './container-server.ts';

/**
 * The tree as a container and this disk share it: edits cost no command in the container, and times are exact to
 * what the file system keeps.
 */
export function watchedTree(
  localRoot: string,
): Pick<ContainerServer, 'localRoot' | 'write' | 'remove' | 'rename' | 'mkdir' | 'many'> {
  const local = (path: string): string => join(localRoot, path);
  return {
    localRoot,
    async write(path, content, modifiedAt) {
      await mkdir(dirname(local(path)), { recursive: true });
      await writeFile(local(path), content);
      if (modifiedAt !== undefined) await utimes(local(path), modifiedAt, modifiedAt);
    },
    remove: (path) => rm(local(path), { recursive: true }),
    rename: (from, to) => rename(local(from), local(to)),
    async mkdir(path) {
      await mkdir(local(path), { recursive: true });
    },
    async many(files) {
      const directories = directoriesOf(files);
      for (const directory of directories) await mkdir(local(directory), { recursive: true });
      const paths = directories.flatMap((directory) =>
        Array.from({ length: files.files }, (_, index) => join(directory, numbered('f', index, 4))),
      );
      const seconds = (files.modifiedAt?.getTime() ?? Date.now()) / 1000;
      for (const path of paths) writeSparse(local(path), files.sizeBytes ?? 1, seconds);
      return paths;
    },
  };
}

function directoriesOf({ below = '', directories }: ManyFiles): readonly string[] {
  if (directories === undefined) return [below];
  return Array.from({ length: directories }, (_, index) => join(below, numbered('d', index, 3)));
}

function numbered(letter: string, index: number, digits: number): string {
  return letter + String(index).padStart(digits, '0');
}
