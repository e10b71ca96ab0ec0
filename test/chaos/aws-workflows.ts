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
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get running(): readonly Execution[] {
    return [...this.executions.values()].filter(({ status }) => status === 'RUNNING');
  }

  async start(name: string, input: WorkflowInput): Promise<void> {
    const first = this.executions.get(name);
    if (first === undefined) this.#begin(name, input);
    else if (first.status === 'FAILED') this.#begin(`${name}-${Math.floor(this.#clock() / hour)}`, input);
  }

  #begin(name: string, input: WorkflowInput): void {
    if (this.executions.has(name)) return;
    this.executions.set(name, { name, input, status: 'RUNNING', failures: 0 });
  }
}
