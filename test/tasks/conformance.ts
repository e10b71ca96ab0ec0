import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskMessage, Tasks } from '../../shared/tasks/tasks.ts';
import { until } from '../changes/samples.ts';

export interface Workers {
  /** What a worker does with a task. */
  readonly handle: (message: TaskMessage) => Promise<void>;
  /** Sessions that a server permits. */
  readonly connections: (server: string) => number;
}

export interface OpenedTasks {
  readonly tasks: Tasks;
  /** Ends the workers once what they have in hand is done. */
  close(): Promise<void>;
}

const long = 'n'.repeat(63);

/** What every implementation of the tasks port must do. `open` makes a fresh one with workers for each case. */
export function tasksConformance(name: string, open: (workers: Workers) => Promise<OpenedTasks>): void {
  async function using(workers: Partial<Workers>, run: (tasks: Tasks, seen: Seen) => Promise<void>) {
    const seen = new Seen();
    const opened = await open({
      handle: (message) => seen.during(message, workers.handle ?? (async () => undefined)),
      connections: workers.connections ?? (() => 2),
    });
    try {
      await run(opened.tasks, seen);
    } finally {
      await opened.close();
    }
  }

  describe(name, () => {
    test('every task reaches a worker, as it was sent', () =>
      using({}, async (tasks, seen) => {
        await tasks.send('a', []);
        await tasks.send('a', messages(1, 25));
        await until(() => seen.done.length >= 25);
        assert.deepEqual(seen.different(), texts(messages(1, 25)));
      }));

    test('no more at once than the server has sessions, and no fewer for long', async () => {
      let fullHouse = () => {};
      const full = new Promise<void>((resolve) => {
        fullHouse = resolve;
      });
      let most = 0;
      let running = 0;
      const handle = async () => {
        running += 1;
        most = Math.max(most, running);
        if (running === 3) fullHouse();
        await Promise.race([full, sleep(10_000, undefined, { ref: false })]);
        await sleep(20);
        running -= 1;
      };
      await using({ handle, connections: () => 3 }, async (tasks, seen) => {
        await tasks.send('a', messages(1, 12));
        await until(() => seen.done.length >= 12);
      });
      assert.equal(most, 3);
    });

    test('a server that keeps its workers busy holds up no other', async () => {
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const handle = ({ watch }: TaskMessage) => (watch === 'slow' ? held : Promise.resolve());
      await using({ handle, connections: () => 1 }, async (tasks, seen) => {
        try {
          const slow = messages(1, 15).map((message) => ({ ...message, watch: 'slow' }));
          await tasks.send('slow server', slow);
          await until(() => seen.begun.length === 1);
          await tasks.send('other server', messages(1, 3));
          await until(() => seen.done.length === 3);
          assert.equal(seen.begun.length, 4);
        } finally {
          release();
        }
        await until(() => seen.done.length === 18);
      });
    });

    test('a task that is sent again under a new number comes again once it was done', () =>
      using({}, async (tasks, seen) => {
        await tasks.send('a', messages(1, 2));
        await tasks.send('a', messages(1, 2));
        await until(() => seen.different().length === 2);
        await tasks.send('a', messages(3, 3));
        await until(() => seen.different().length === 3);
        const before = seen.done.length;
        await tasks.send('a', messages(1, 2), 1);
        await until(() => seen.done.length >= before + 2);
        assert.equal(seen.different().length, 3);
      }));

    test('a task never runs beside itself', async () => {
      let running = 0;
      let most = 0;
      const handle = async ({ task }: TaskMessage) => {
        if (task !== '0000001') return;
        running += 1;
        most = Math.max(most, running);
        await sleep(300);
        running -= 1;
      };
      await using({ handle, connections: () => 4 }, async (tasks, seen) => {
        await tasks.send('a', messages(1, 1));
        await until(() => seen.begun.length === 1);
        await tasks.send('a', messages(1, 1), 1);
        await tasks.send('a', messages(2, 5));
        await until(() => running === 0 && seen.different().length === 5);
      });
      assert.equal(most, 1);
    });

    test('tenants, watches and scans are told apart, however long their names', () =>
      using({ connections: () => 100 }, async (tasks, seen) => {
        const [one] = messages(1, 1);
        assert.ok(one);
        const sent: readonly TaskMessage[] = [
          { ...one, tenant: long, watch: long },
          { ...one, tenant: long, watch: `${long.slice(1)}x` },
          { ...one, tenant: `${long.slice(1)}x`, watch: long },
          { ...one, tenant: long, watch: long, scan: 2 },
          { ...one, tenant: long, watch: long, task: '9999999' },
        ];
        const server = `${'ü@'.repeat(60)}@[2001:db8::1]:65535`;
        await tasks.send(server, sent);
        await until(() => seen.done.length >= sent.length);
        assert.deepEqual(seen.different(), texts(sent));
      }));
  });
}

class Seen {
  readonly begun: TaskMessage[] = [];
  readonly done: TaskMessage[] = [];

  async during(message: TaskMessage, handle: Workers['handle']): Promise<void> {
    this.begun.push(message);
    await handle(message);
    this.done.push(message);
  }

  different(): readonly string[] {
    return [...new Set(texts(this.done))].toSorted();
  }
}

export function messages(from: number, to: number): readonly TaskMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    tenant: 'acme',
    watch: 'incoming',
    scan: 1,
    task: String(from + index).padStart(7, '0'),
  }));
}

function texts(sent: readonly TaskMessage[]): readonly string[] {
  return sent.map(({ tenant, watch, scan, task }) => [tenant, watch, scan, task].join(' ')).toSorted();
}
