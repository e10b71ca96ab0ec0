import { keepSecret, log } from '../../functions/observability.ts';
import { InvalidInput, PublishFailed, RemoteAuth } from '../../shared/failure.ts';

/** Writes one line of each kind to the log, as a function does. */
const secrets = new Set([
  'hunter22',
  'with "quotes" and \\',
  '-----BEGIN KEY-----\nabc\n-----END KEY-----',
  'abc',
  'hunter22 and more',
]);
keepSecret(() => secrets);

log.info({ said: '530 hunter22 is wrong' }, 'the server said hunter22');
log.info({ deep: { list: ['with "quotes" and \\', '-----BEGIN KEY-----\nabc\n-----END KEY-----'] } }, 'abc');
log.info({}, 'hunter22 and more');
log.info({ url: 'https://user:pass@hook.example/x' }, 'hook');

const ofTenant = log.child({ tenant: 'acme', watch: 'incoming' });
ofTenant.child({ scan: 7 }).warn({ files: 3, watch: 'other' }, 'child');
log.info({}, 'parent');

const refused = new RemoteAuth('login', 'the server refuses "acme"', {
  cause: new Error('Permission denied (hunter22)'),
  advice: 'Correct the password.',
});
log.error({ err: refused }, 'ours');
log.error(
  { err: new PublishFailed('not every change', ['id-1'], { cause: 'throttled' }) },
  'ours without advice',
);
log.error({ err: new TypeError('no hunter22 here', { cause: refused }) }, 'a defect');
log.error({ error: new InvalidInput('as an error too') }, 'by another name');
log.debug({}, 'not at this level');
