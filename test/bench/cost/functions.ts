import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { CountedEndpoint } from './counting-proxy.ts';

export type FunctionName = 'planner' | 'scanner' | 'reassembler' | 'publisher';

export interface Invocation {
  readonly function: FunctionName;
  readonly durationMs: number;
  readonly cpuMs: number;
  /** Work of its own and waiting for AWS; the rest of the duration it waited for the watched server. */
  readonly ownMs: number;
  readonly failure: string | undefined;
}

export interface LambdaOptions {
  readonly name: FunctionName;
  /** Environments: as many invocations run at once. */
  readonly environments: number;
  readonly timeoutMs: number;
  /** For an environment that calls AWS through this endpoint. */
  readonly env: (endpoint: string) => Readonly<Record<string, string>>;
  readonly open: (caller: string) => Promise<CountedEndpoint>;
}

const invoked = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  failure: z.string().optional(),
  durationMs: z.number(),
  cpuMs: z.number(),
  activeMs: z.number(),
});

/** A function with its environments, each a thread with modules of its own, as Lambda has processes. */
export class Lambda {
  readonly name: FunctionName;
  readonly #environments: Environment[];
  readonly #free: Environment[];
  readonly #waiting: ((environment: Environment) => void)[] = [];
  #invocations: Invocation[] = [];
  #running = 0;

  private constructor(name: FunctionName, environments: Environment[]) {
    this.name = name;
    this.#environments = environments;
    this.#free = [...environments];
  }

  static async start(options: LambdaOptions): Promise<Lambda> {
    const environments = await Promise.all(
      Array.from({ length: options.environments }, async (_, index) => {
        const counted = await options.open(`${options.name} ${index + 1}`);
        return Environment.start(options, counted);
      }),
    );
    return new Lambda(options.name, environments);
  }

  get isIdle(): boolean {
    return this.#running === 0;
  }

  async invoke(event: unknown): Promise<unknown> {
    this.#running += 1;
    const environment =
      this.#free.pop() ?? (await new Promise<Environment>((resolve) => this.#waiting.push(resolve)));
    try {
      const { invocation, result } = await environment.invoke(this.name, event);
      this.#invocations.push(invocation);
      if (invocation.failure !== undefined) throw new Error(invocation.failure);
      return result;
    } finally {
      this.#running -= 1;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(environment);
      else next(environment);
    }
  }

  /** Since the last call. */
  take(): { readonly invocations: readonly Invocation[]; readonly logBytes: number } {
    const invocations = this.#invocations;
    this.#invocations = [];
    const logBytes = this.#environments.reduce((sum, environment) => sum + environment.takeLogBytes(), 0);
    return { invocations, logBytes };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#environments.map((environment) => environment.stop()));
  }
}

class Environment {
  readonly #worker: Worker;
  readonly #counted: CountedEndpoint;
  #logBytes = 0;
  #log = '';
  #count = 0;

  private constructor(worker: Worker, counted: CountedEndpoint) {
    this.#worker = worker;
    this.#counted = counted;
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.#logBytes += data.length;
        this.#log = (this.#log + data.toString()).slice(-8_000);
      });
    }
  }

  static async start(
    { name, timeoutMs, env }: LambdaOptions,
    counted: CountedEndpoint,
  ): Promise<Environment> {
    const worker = new Worker(new URL('function-worker.ts', import.meta.url), {
      workerData: {
        handlerUrl: new URL(`../../../functions/${name}/handler.ts`, import.meta.url).href,
        timeoutMs,
      },
      env: env(counted.endpoint),
      stdout: true,
      stderr: true,
    });
    const environment = new Environment(worker, counted);
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    return environment;
  }

  async invoke(name: FunctionName, event: unknown) {
    this.#counted.takeBusyMs();
    this.#count += 1;
    const answer = await new Promise((resolve, reject) => {
      this.#worker.once('message', resolve);
      this.#worker.once('error', reject);
      this.#worker.postMessage({ id: this.#count, event });
    });
    this.#worker.removeAllListeners('error');
    const { result, failure, durationMs, cpuMs, activeMs } = invoked.parse(answer);
    const invocation: Invocation = {
      function: name,
      durationMs,
      cpuMs,
      ownMs: Math.min(durationMs, activeMs + this.#counted.takeBusyMs()),
      failure: failure === undefined ? undefined : `${failure}\n${this.#log}`,
    };
    return { invocation, result };
  }

  takeLogBytes(): number {
    const bytes = this.#logBytes;
    this.#logBytes = 0;
    return bytes;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
