import { watchedOf } from '../../shared/config/watched.ts';
import { InvalidInput } from '../../shared/failure.ts';
import { endServices } from '../ending.ts';
import { handle } from '../handle.ts';
import { openHome } from '../home.ts';
import { endHere } from './end-scan.ts';
import { environment } from './environment.ts';
import { judgeHeldChanges } from './reassemble.ts';
import { type WorkflowInput, workflowStep } from './workflow.ts';

const home = openHome(environment.parse(process.env));
const services = endServices(home);
const watched = watchedOf(home.config);
/** A commit under way when the time is up is finished. */
const marginMs = 60_000;

export const handler = handle(
  workflowStep,
  marginMs,
  async ({ step, input }, { signal, now }): Promise<WorkflowInput> => {
    const found = watched.get(`${input.tenant}/${input.watch}`);
    if (found === undefined)
      throw new InvalidInput(`the configuration has no watch ${input.tenant}/${input.watch} now`);
    const { watch, server } = found;
    const { scan, changes, total } = input;
    const unfinished = [{ subtrees: input.unfinished, except: [] }];
    const reassembly = { watch, server, scan, unfinished, changes, total };
    const judged = step === 'judge' ? await judgeHeldChanges(reassembly, services, now, signal) : undefined;
    if (step === 'close') await endHere(found, reassembly, services, now);
    await home.wakes.flush();
    return judged === undefined ? input : { ...input, ...judged, changes: changes + judged.changes };
  },
);
