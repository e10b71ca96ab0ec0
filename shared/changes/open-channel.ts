import type { OutputConfig, SecretReference } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Channel } from './channel.ts';
import { CommandChannel } from './command-channel.ts';
import { FileChannel } from './file-channel.ts';
import { StdoutChannel, type Suspend } from './stdout-channel.ts';
import { WebhookChannel } from './webhook-channel.ts';

export interface ChannelServices {
  readonly readSecret: (reference: SecretReference) => Promise<string>;
  readonly log: Logger;
  readonly stdout: NodeJS.WriteStream;
  /** Where a progress line shares the terminal with standard output. */
  readonly suspend?: Suspend;
}

/** Throws InvalidInput where the output can never work as configured. */
export async function openChannel(output: OutputConfig, services: ChannelServices): Promise<Channel> {
  const channel = await open(output, { ...services, log: services.log.child({ output: output.name }) });
  return output.notices ? channel : withoutNotices(channel);
}

async function open(output: OutputConfig, services: ChannelServices): Promise<Channel> {
  const { readSecret, log, stdout, suspend } = services;
  const { maxBatch } = output;
  switch (output.type) {
    case 'stdout':
      return new StdoutChannel({ maxBatch, stdout, ...(suspend ? { suspend } : {}) });
    case 'file':
      return FileChannel.open({ path: output.path, maxBatch, log });
    case 'webhook': {
      const { url, headers, timeoutMs } = output;
      return WebhookChannel.open({ url, headers, timeoutMs, maxBatch, readSecret, log });
    }
    case 'command':
      return new CommandChannel({ command: output.command, timeoutMs: output.timeoutMs, maxBatch, log });
  }
}

function withoutNotices(channel: Channel): Channel {
  return {
    maxBatch: channel.maxBatch,
    send: (changes, signal) => channel.send(changes, signal),
    notify: async () => undefined,
    close: () => channel.close(),
  };
}
