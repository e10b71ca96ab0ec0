import { InProcessTasks } from '../../shared/tasks/in-process.ts';
import { tasksConformance } from './conformance.ts';

tasksConformance('InProcessTasks', async ({ handle, connections }) => {
  const tasks = new InProcessTasks(handle, connections);
  return { tasks, close: () => tasks.drain() };
});
