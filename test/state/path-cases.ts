import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isBelow } from '../../shared/tree/entry.ts';
import { nameFromBytes, nameToBytes } from '../../shared/tree/name.ts';
import { beginAndClaim, enrolment, incoming, listed, paths, type StateCheck, stubs, t0 } from './samples.ts';

/** Neighbours in every order that '/' could be mistaken in, and names that are hard to store. */
const hostile = [
  'a',
  'a/b',
  'a/b/c',
  'a/b.c',
  'a b',
  'a.b',
  'a!',
  'a-b/x',
  'a\n',
  'a\n/b',
  'a\u0001',
  "a'",
  'a"',
  'a%',
  'a_',
  'a*',
  'ab',
  'ab/c',
  'A',
  '.a',
  '%',
  '\\',
  'é',
  'é/x',
  'e\u0301',
  '\udc80',
  '\udcff',
  '\udcff/x',
  '\udcff\udcff/\udcff',
  'x\udcfe',
  'x\udcff/y',
  '\u{1f600}',
  '\u{1f600}/x',
  '\ufffd',
  '\uffff',
  '\ud7ff',
];

/** Segment by segment, by their bytes; a parent before what is below it. */
function inOrder(all: readonly string[]): string[] {
  const segments = (path: string) => (path === '' ? [] : path.split('/').map(nameToBytes));
  return all.toSorted((left, right) => {
    const [a, b] = [segments(left), segments(right)];
    for (const [index, segment] of a.entries()) {
      const other = b[index];
      if (other === undefined) return 1;
      const order = Buffer.compare(segment, other);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  });
}

export function pathCases(check: StateCheck): void {
  check('subtree ranges are exact, parents first, whatever the names', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    await state.commit(fence, [listed('', 0, { stubs: stubs(...hostile) })]);
    for (const path of ['', ...hostile]) {
      const expected = inOrder(['', ...hostile].filter((other) => other === path || isBelow(other, path)));
      assert.deepEqual(await paths(state.directories(incoming, path)), expected, JSON.stringify(path));
      assert.equal((await state.directory(incoming, path))?.path, path);
    }
    assert.deepEqual(await paths(state.directories(incoming, 'nowhere')), []);
  });

  check('forgetting a subtree leaves its neighbours alone, whatever the names', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    let expected = 0;
    for (const path of hostile) {
      await state.commit(fence, [listed('', expected, { stubs: stubs(...hostile) })]);
      await state.commit(fence, [listed('', expected + 1, { forget: [path] })]);
      expected += 2;
      const left = ['', ...hostile].filter((other) => other !== path && !isBelow(other, path));
      assert.deepEqual(await paths(state.directories(incoming, '')), inOrder(left), JSON.stringify(path));
    }
  });

  check('held directories come in the same order, whatever the names', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    const held = { record: { held: true } };
    const commits = hostile.map((path) => listed(path, 0, held));
    await state.commit(fence, [listed('', 0, { ...held, stubs: stubs(...hostile) }), ...commits]);
    assert.deepEqual(await paths(state.heldDirectories(incoming)), inOrder(['', ...hostile]));
  });

  check(
    'any names: every directory is found again, in order, by itself and below its parent',
    async ({ state }) => {
      await state.enroll(enrolment(), t0);
      const fence = await beginAndClaim(state);
      const byte = fc.oneof(
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom(1, 0x20, 0x2e, 0x30, 0x41, 0x61, 0x7f, 0x80, 0xc3, 0xa9, 0xff),
      );
      const name = fc
        .uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 6 })
        .map((bytes) => nameFromBytes(bytes.map((each) => (each === 0x2f ? 0x61 : each))));
      const short = fc.array(byte, { minLength: 1, maxLength: 2 }).map((bytes) => {
        return nameFromBytes(Uint8Array.from(bytes.map((each) => (each === 0x2f ? 0x61 : each))));
      });
      const path = fc
        .array(fc.oneof(name, short), { minLength: 1, maxLength: 3 })
        .map((parts) => parts.join('/'));
      let generation = 0;
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(path, { minLength: 1, maxLength: 30 }), async (found) => {
          await state.commit(fence, [listed('', generation, { forget: [], stubs: stubs(...found) })]);
          generation += 1;
          assert.deepEqual(await paths(state.directories(incoming, '')), inOrder(['', ...found]));
          for (const one of found) {
            const expected = inOrder(found.filter((other) => other === one || isBelow(other, one)));
            assert.deepEqual(await paths(state.directories(incoming, one)), expected);
          }
          await state.commit(fence, [listed('', generation, { forget: found })]);
          generation += 1;
          assert.deepEqual(await paths(state.directories(incoming, '')), ['']);
        }),
        { numRuns: 40 },
      );
    },
  );

  check('rule 24: paths of 4,000 bytes that differ only at their ends', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    const deep = Array.from({ length: 16 }, (_, depth) => `${depth}`.padEnd(249, 'x')).join('/');
    const long = [deep, `${deep}/é`, `${deep}/\udce9`, `${deep}.`, `${deep}/é/z`];
    await state.commit(fence, [listed('', 0, { stubs: stubs(...long) })]);
    assert.deepEqual(await paths(state.directories(incoming, '')), inOrder(['', ...long]));
    assert.deepEqual(
      await paths(state.directories(incoming, deep)),
      inOrder(long.filter((path) => path !== `${deep}.`)),
    );
  });

  check('a walk over many directories goes on while others commit', async ({ state, reopen }) => {
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    const many = Array.from({ length: 3_500 }, (_, index) => `d${String(index).padStart(5, '0')}`);
    await state.commit(fence, [listed('', 0, { stubs: stubs(...many) })]);
    assert.deepEqual(await paths(state.directories(incoming, '')), ['', ...many]);
    const other = await reopen();
    const seen: string[] = [];
    let generation = 1;
    for await (const { path } of state.directories(incoming, '')) {
      seen.push(path);
      const gone = seen.length % 700 === 0 ? many[seen.length + 1] : undefined;
      if (gone === undefined) continue;
      await other.commit(fence, [listed('', generation, { forget: [gone], stubs: stubs(`${path}/new`) })]);
      generation += 1;
    }
    const stayed = (await paths(state.directories(incoming, ''))).filter((path) => !path.endsWith('/new'));
    const seenOfThem = seen.filter((path) => stayed.includes(path));
    assert.deepEqual(seenOfThem, stayed);
  });
}
