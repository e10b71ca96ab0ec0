import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cellsOf, parseOptions } from './options.ts';

it('what is asked for is what is measured', () => {
  const args = ['--server', 'openssh,vsftpd', '--files', '250000', '--delay', '20,100', '--sessions', '4'];
  const cells = cellsOf(parseOptions([...args, '--only', 'farwatch,rclone', '--checkers', '8']));
  assert.deepEqual(
    cells.map(({ server, roundTripMs }) => [server, roundTripMs]),
    [
      ['openssh', 20],
      ['openssh', 100],
      ['vsftpd', 20],
      ['vsftpd', 100],
    ],
  );
  for (const cell of cells) {
    assert.deepEqual(cell.shape, { files: 250_000, directories: 5_000 });
    assert.deepEqual([cell.connections, cell.checkers, cell.clients], [4, [8], ['farwatch', 'rclone']]);
  }
});

it('a plan can be narrowed to some clients', () => {
  const cells = cellsOf(parseOptions(['--full', '--only', 'lftp']));
  assert.ok(cells.length > 0);
  for (const { clients } of cells) assert.deepEqual(clients, ['lftp']);
});

it('flat trees have no directory below the root', () => {
  const [cell] = cellsOf(parseOptions(['--server', 'openssh', '--files', '1000', '--directories', '0']));
  assert.deepEqual(cell?.shape, { files: 1_000, directories: 0 });
});

for (const wrong of [['--server', 'ssh'], ['--delay', 'far'], ['--slow']]) {
  it(`${wrong.join(' ')} is refused`, () => assert.throws(() => parseOptions(wrong)));
}
