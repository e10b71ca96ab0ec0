import type { WorkflowInput } from '../../functions/reassembler/workflow.ts';

export interface Execution {
  readonly name: string;
  input: WorkflowInput;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  /** Failures of the step that is being tried. */
  failures: number;
}

const hour = 3_600_000;

/** Step Functions as the functions see it: one execution of a name, and a successor for one that failed. */
export class Workflows {
  readonly executions = new Map<string, Execution>();
  readonly #successors = new Set<string>();
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get running(): readonly Execution[] {
    return [...this.executions.values()].filter(({ status }) => status === 'RUNNING');
  }

  /** A successor failed too. */
  get hasFailedTwice(): boolean {
    return [...this.executions.values()].some(
      ({ name, status }) => status === 'FAILED' && this.#successors.has(name),
    );
  }

  async start(name: string, input: WorkflowInput): Promise<void> {
    const first = this.executions.get(name);
    if (first === undefined) this.#begin(name, input);
    else if (first.status === 'FAILED') {
      const successor = `${name}-${Math.floor(this.#clock() / hour)}`;
      this.#successors.add(successor);
      this.#begin(successor, input);
    }
  }

  #begin(name: string, input: WorkflowInput): void {
    if (this.executions.has(name)) return;
    this.executions.set(name, { name, input, status: 'RUNNING', failures: 0 });
  }
}
