import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { baseName, depthOf, isBelow, joinPath, parentPath } from '../../shared/tree/entry.ts';
import { paths, segments } from './paths.ts';

const directories = fc.oneof(fc.constant(''), paths);

describe('paths', () => {
  it('come apart as they were joined', () => {
    fc.assert(
      fc.property(directories, segments, (directory, name) => {
        const path = joinPath(directory, name);
        assert.equal(parentPath(path), directory);
        assert.equal(baseName(path), name);
        assert.equal(depthOf(path), depthOf(directory) + 1);
        assert.ok(isBelow(path, directory));
      }),
    );
  });

  it('are below exactly the directories on the way up', () => {
    fc.assert(
      fc.property(paths, directories, (path, directory) => {
        const above: string[] = [];
        for (let at = path; at !== ''; above.push(at)) at = parentPath(at);
        assert.equal(isBelow(path, directory), above.includes(directory));
      }),
    );
  });

  it('have no root below or beside them by accident', () => {
    assert.equal(isBelow('', ''), false);
    assert.equal(isBelow('inbox', 'in'), false);
    assert.equal(isBelow('in', 'in'), false);
    assert.equal(depthOf(''), 0);
    assert.equal(parentPath('a'), '');
    assert.equal(baseName('a'), 'a');
  });
});
