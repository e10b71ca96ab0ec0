import { accessSync, constants } from 'node:fs';
import { findProgram, isRoot } from '../../servers/account.ts';

/** Why no far network can be made on this machine, or undefined. What the kernel refuses shows when one is opened. */
export function networkMissing(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a matter of Linux';
  if (!isRoot) return 'network namespaces need root';
  for (const program of ['cc', 'ip', 'nsenter']) {
    if (findProgram(program) === undefined) return `${program} is not installed`;
  }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return 'there is no /dev/net/tun';
  }
  return undefined;
}
