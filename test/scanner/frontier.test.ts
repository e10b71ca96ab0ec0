import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Frontier } from '../../functions/scanner/frontier.ts';

interface Asked {
  readonly path: string;
  readonly directory: string;
}

const prepare = async (directory: string): Promise<Asked> => ({ path: `/root/${directory}`, directory });

/** A session that answers the requests one by one; `children` says what each directory leads to. */
async function walk(frontier: Frontier<Asked>, children: Readonly<Record<string, readonly string[]>>) {
  const listed: string[] = [];
  for await (const { path } of frontier.requests(prepare)) {
    const asked = frontier.answered(path);
    assert.ok(asked);
    listed.push(asked.directory);
    frontier.add(children[asked.directory] ?? []);
    frontier.settle();
  }
  return listed;
}

/** Whether a promise has resolved once everything that can happen by itself has happened. */
async function isWaiting(promise: Promise<unknown>): Promise<boolean> {
  const idle = new Promise((resolve) => setImmediate(() => resolve('idle')));
  return (await Promise.race([promise, idle])) === 'idle';
}

suite('a stream of requests', () => {
  test('leads depth first through the tree and ends', async () => {
    const frontier = new Frontier<Asked>(['a', 'b']);
    const listed = await walk(frontier, { a: ['a/1', 'a/2'], 'a/2': ['a/2/x'] });
    assert.deepEqual(listed, ['a', 'a/2', 'a/2/x', 'a/1', 'b']);
    assert.deepEqual([frontier.isOpen, frontier.queued], [false, 0]);
  });

  test('leaves out what there is nothing to ask about', async () => {
    const frontier = new Frontier<Asked>(['a', 'gone', 'b']);
    const paths: string[] = [];
    const requests = frontier.requests(async (path) => (path === 'gone' ? undefined : prepare(path)));
    for await (const { path } of requests) {
      paths.push(path);
      frontier.answered(path);
      frontier.settle();
    }
    assert.deepEqual(paths, ['/root/a', '/root/b']);
  });

  test('waits for what is under way, and for its children', async () => {
    const frontier = new Frontier<Asked>(['a']);
    const requests = frontier.requests(prepare);
    await requests.next();
    const next = requests.next();
    assert.equal(await isWaiting(next), true);
    frontier.answered('/root/a');
    frontier.add(['a/1']);
    frontier.settle();
    assert.deepEqual((await next).value, await prepare('a/1'));
  });

  test('does not end between an answer and its children', async () => {
    const frontier = new Frontier<Asked>(['a']);
    const requests = frontier.requests(prepare);
    await requests.next();
    frontier.answered('/root/a');
    const next = requests.next();
    assert.equal(await isWaiting(next), true);
    frontier.settle();
    assert.equal((await next).done, true);
  });

  test('takes an answer once, and none that nobody asked for', async () => {
    const frontier = new Frontier<Asked>(['a']);
    await frontier.requests(prepare).next();
    assert.equal(frontier.answered('/root/b'), undefined);
    assert.equal(frontier.answered('/root/a')?.directory, 'a');
    assert.equal(frontier.answered('/root/a'), undefined);
  });
});

suite('stopping', () => {
  test('asks for nothing more and leaves the rest in order', async () => {
    const frontier = new Frontier<Asked>(['a', 'b', 'c']);
    const requests = frontier.requests(prepare);
    await requests.next();
    frontier.stop();
    assert.equal((await requests.next()).done, true);
    assert.deepEqual(frontier.rest().toSorted(), ['b', 'c']);
    assert.equal(frontier.isOpen, false);
    frontier.answered('/root/a');
    frontier.add(['a/1']);
    assert.deepEqual(frontier.rest().toSorted(), ['a/1', 'b', 'c'], 'the children of what was under way too');
  });

  test('wakes a stream that waits', async () => {
    const frontier = new Frontier<Asked>(['a']);
    const requests = frontier.requests(prepare);
    await requests.next();
    const next = requests.next();
    frontier.stop();
    assert.equal((await next).done, true);
  });
});

suite('stopping but for what is soon answered', () => {
  const isIn = (path: string): boolean => path.startsWith('a');

  test('asks for that, and for what is below it', async () => {
    const frontier = new Frontier<Asked>(['b', 'a', 'a/0']);
    const requests = frontier.requests(prepare);
    const listed: string[] = [];
    for await (const { path } of requests) {
      const asked = frontier.answered(path);
      assert.ok(asked);
      listed.push(asked.directory);
      if (asked.directory === 'b') frontier.add(['b/1', 'a/2']);
      if (asked.directory === 'a') frontier.add(['a/1', 'c']);
      frontier.stop(isIn);
      frontier.settle();
    }
    assert.deepEqual(listed, ['b', 'a/2', 'a', 'a/1', 'a/0']);
    assert.deepEqual(frontier.rest().toSorted(), ['b/1', 'c']);
    assert.equal(frontier.isOpen, false);
  });

  test('ends at once when it is stopped altogether', async () => {
    const frontier = new Frontier<Asked>(['a', 'a/1', 'b']);
    const requests = frontier.requests(prepare);
    await requests.next();
    frontier.stop(isIn);
    await requests.next();
    frontier.stop();
    assert.equal((await requests.next()).done, true);
    assert.deepEqual(frontier.rest(), ['b']);
  });

  test('leaves to others what a session that died had foreseen', async () => {
    let lives = true;
    const frontier = new Frontier<Asked>(['a', 'a/1', 'b']);
    const dead = frontier.requests(prepare);
    await dead.next();
    frontier.stop((path) => lives && isIn(path));
    await dead.next();
    lives = false;
    frontier.requeue((asked) => asked.directory);
    assert.deepEqual(await walk(frontier, {}), []);
    assert.deepEqual(frontier.rest().toSorted(), ['a', 'a/1', 'b']);
  });
});

suite('a session that died', () => {
  test('is followed by one that asks again for what was not answered', async () => {
    const frontier = new Frontier<Asked>(['a', 'b', 'c']);
    const dead = frontier.requests(prepare);
    for (let asked = 0; asked < 3; asked += 1) await dead.next();
    frontier.answered('/root/b');
    frontier.settle();
    frontier.requeue((asked) => asked.directory);
    assert.deepEqual((await walk(frontier, {})).toSorted(), ['a', 'c']);
  });

  test('loses no directory that it was about to ask for, and its stream asks for nothing more', async () => {
    const frontier = new Frontier<Asked>(['a']);
    let ready: () => void = () => {};
    const slow = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const dead = frontier.requests(async (path) => slow.then(() => prepare(path)));
    const pulled = dead.next();
    assert.equal(await isWaiting(pulled), true);
    frontier.requeue((asked) => asked.directory);
    assert.deepEqual(await walk(frontier, { a: ['a/1'] }), ['a', 'a/1']);
    ready();
    assert.equal((await pulled).done, true);
    assert.equal(frontier.queued, 0);
  });

  test('in the middle of an answer does not keep the next one waiting', async () => {
    const frontier = new Frontier<Asked>(['a', 'b']);
    const dead = frontier.requests(prepare);
    await dead.next();
    frontier.answered('/root/a');
    frontier.requeue((asked) => asked.directory);
    assert.deepEqual(await walk(frontier, {}), ['b']);
  });
});
