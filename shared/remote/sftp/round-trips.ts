import type { Client } from 'ssh2';
import { fieldOf, isObject } from './inner-fields.ts';

/**
 * ssh2 asks whether a key would do before it signs with it. RFC 4252, section 7, leaves the question out where signing costs
 * nothing, and so do we: a round trip. The method is a field of ssh2 alone; where it has it no more, all goes on as it
 * does without.
 */
export function signAtOnce(ssh: Client): void {
  ssh.once('handshake', () => {
    const protocol = fieldOf(ssh, '_protocol');
    const send = fieldOf(protocol, 'authPK');
    const onWouldDo = fieldOf(fieldOf(protocol, '_handlers'), 'USERAUTH_PK_OK');
    if (!isObject(protocol) || typeof send !== 'function' || typeof onWouldDo !== 'function') return;
    Reflect.set(protocol, 'authPK', (...args: readonly unknown[]): void => {
      const isSigned = args.some((arg) => typeof arg === 'function');
      if (isSigned) Reflect.apply(send, protocol, args);
      else Reflect.apply(onWouldDo, undefined, [protocol]);
    });
  });
}

/**
 * Logs in right behind the request for that service, instead of waiting until it is granted: RFC 4253, section 10, has that
 * awaited only where the server itself was not authenticated. `isMeant` is asked once that has been.
 */
export function logInAtOnce(ssh: Client, isMeant: () => boolean): void {
  ssh.once('handshake', () => {
    const protocol = fieldOf(ssh, '_protocol');
    const request = fieldOf(protocol, 'service');
    const handlers = fieldOf(protocol, '_handlers');
    const onGranted = fieldOf(handlers, 'SERVICE_ACCEPT');
    if (!isObject(protocol) || !isObject(handlers)) return;
    if (typeof request !== 'function' || typeof onGranted !== 'function' || !isMeant()) return;
    Reflect.set(protocol, 'service', (name: unknown): void => {
      Reflect.apply(request, protocol, [name]);
      Reflect.set(handlers, 'SERVICE_ACCEPT', () => undefined);
      Reflect.apply(onGranted, undefined, [protocol, name]);
    });
  });
}

/**
 * Sends `greeting` right behind the request for the subsystem, instead of waiting until that is granted. Returns whether it
 * will. The few bytes are missing in ssh2's count of the channel's window, of which requests never take more than a part.
 */
export function greetAtOnce(ssh: Client, greeting: Buffer): boolean {
  const protocol = fieldOf(ssh, '_protocol');
  const request = fieldOf(protocol, 'subsystem');
  const send = fieldOf(protocol, 'channelData');
  if (!isObject(protocol) || typeof request !== 'function' || typeof send !== 'function') return false;
  Reflect.set(protocol, 'subsystem', (channel: unknown, ...args: readonly unknown[]): void => {
    Reflect.apply(request, protocol, [channel, ...args]);
    Reflect.apply(send, protocol, [channel, greeting]);
  });
  return true;
}
