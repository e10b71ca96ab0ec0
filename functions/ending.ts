import { SFNClient } from '@aws-sdk/client-sfn';
import type { Home } from './home.ts';
import { count, log } from './observability.ts';
import type { EndScanServices, EndServices } from './reassembler/end-scan.ts';
import { startWorkflow } from './reassembler/start-workflow.ts';

// The one place where functions meet: whoever comes upon the end of a small scan reassembles it there and then.
export { endScan } from './reassembler/end-scan.ts';

/** What the end of a scan takes. */
export function endServices(home: Pick<Home, 'state' | 'wakes' | 'notify'>): EndServices {
  return {
    state: home.state,
    log,
    committed: () => home.wakes.want(),
    notify: home.notify,
    ended: (_watched, { summary: { status, failure } }) => {
      if (status === 'incomplete') count('ScansIncomplete');
      if (failure?.error === 'RemoteAuth') count('LoginsRefused');
      if (failure?.error === 'TaskGivenUp') count('TasksGivenUp');
    },
  };
}

export function endScanServices(home: Home, workflow: string): EndScanServices {
  const client = new SFNClient();
  return {
    ...endServices(home),
    startWorkflow: (name, input) => startWorkflow(client, workflow, name, input, Date.now()),
  };
}
