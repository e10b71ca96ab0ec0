import assert from 'node:assert/strict';
import { it } from 'node:test';
import { chart } from './chart.ts';
import { madeUpRow } from './made-up-row.ts';

it('a chart has a line for each place, and what is faster lies further right', () => {
  const drawn = chart(
    [
      madeUpRow({ client: 'farwatch', variant: 'warm scan', wallSeconds: 2 }),
      madeUpRow({ client: 'farwatch', variant: 'first scan', wallSeconds: 4 }),
      madeUpRow({ client: 'rclone', variant: '8 checkers', wallSeconds: 60 }),
      madeUpRow({ client: 'rclone', variant: '32 checkers', wallSeconds: 20 }),
      madeUpRow({ client: 'rclone', variant: '32 checkers', wallSeconds: 14 }, { server: 'vsftpd' }),
    ],
    250_000,
  );
  assert.match(drawn, /^<svg xmlns="[^"]+" viewBox="0 0 860 \d+"/);
  assert.match(drawn, /SFTP \(OpenSSH\), 20 ms/);
  assert.match(drawn, /FTP \(vsftpd\), 20 ms/);
  assert.match(drawn, />10 × rclone</);
  const at = (client: string) =>
    [...drawn.matchAll(new RegExp(`<circle cx="([\\d.]+)" cy="79" r="\\d" class="${client}"`, 'g'))].map(
      (dot) => Number(dot[1]),
    );
  const [ours = 0] = at('farwatch');
  const [theirs = 0] = at('rclone');
  assert.equal(at('farwatch').length, 1);
  assert.ok(ours > theirs && theirs > 190 && ours < 740);
});
