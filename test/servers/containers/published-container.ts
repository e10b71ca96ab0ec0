import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';

const run = promisify(execFile);

interface ContainerPlan {
  readonly image: string;
  readonly name: string;
  /** Of this machine; fixed, since the engine would choose another one at every reconnect. */
  readonly port: number;
  /** Where that leads in the container. */
  readonly serverPort: number;
  /** A client connects to the number that the server says: the same ones inside and outside. */
  readonly passivePorts: readonly number[];
  readonly labels: Record<string, string>;
  readonly environment: Record<string, string>;
  /** A directory of this disk. */
  readonly tree: string;
  readonly network?: string;
}

interface PublishedContainer {
  readonly started: StartedTestContainer;
  readonly pause: () => Promise<void>;
  readonly unpause: () => Promise<void>;
  readonly disconnect: () => Promise<void>;
  readonly reconnect: () => Promise<void>;
}

/** Published on loopback only: testcontainers by itself would open the ports to the world. */
class LoopbackContainer extends GenericContainer {
  withLoopbackPort(container: number, host: number): this {
    this.withExposedPorts({ container, host });
    this.hostConfig.PortBindings = {
      ...this.hostConfig.PortBindings,
      [`${container}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(host) }],
    };
    return this;
  }
}

export async function publishedContainer(plan: ContainerPlan): Promise<PublishedContainer> {
  const container = new LoopbackContainer(plan.image)
    .withName(plan.name)
    // Its certificate names it, for clients in the same network.
    .withHostname(plan.name)
    .withLabels(plan.labels)
    .withEnvironment(plan.environment)
    .withBindMounts([{ source: plan.tree, target: '/srv/watched/data' }])
    .withLoopbackPort(plan.serverPort, plan.port)
    // Pure-FTPd insists on both: its privileged half sets priorities and passes file permissions.
    .withAddedCapabilities('SYS_NICE', 'DAC_READ_SEARCH')
    .withWaitStrategy(Wait.forSuccessfulCommand(listens(plan.serverPort)).withStartupTimeout(120_000))
    // Its reaper is an image that cannot be had everywhere; ours is the watchdog.
    .withAutoCleanup(false);
  for (const port of plan.passivePorts) container.withLoopbackPort(port, port);
  if (plan.network !== undefined) container.withNetworkMode(plan.network);
  const started = await container.start();
  const network = plan.network ?? 'bridge';
  const docker = async (...args: string[]): Promise<void> => {
    await run('docker', args);
  };
  return {
    started,
    pause: () => docker('pause', plan.name),
    unpause: () => docker('unpause', plan.name),
    disconnect: () => docker('network', 'disconnect', network, plan.name),
    reconnect: () => docker('network', 'connect', network, plan.name),
  };
}

/** Seen in the kernel's table, since a trial connection would be a session. One command that waits: each costs 0.1 s. */
function listens(port: number): string {
  const inHex = port.toString(16).toUpperCase().padStart(4, '0');
  return `until grep -qE ':${inHex} 0+:0000 0A' /proc/net/tcp /proc/net/tcp6; do sleep 0.02; done`;
}
