import { formatProblems, InvalidConfig } from '../../shared/config/problems.ts';
import { Failure } from '../../shared/failure.ts';

/** Says what went wrong and what to do, without a stack unless it is a defect of ours. Returns the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof InvalidConfig) {
    process.stderr.write(`${formatProblems(error.problems)}\n`);
    return 2;
  }
  if (error instanceof Failure) {
    process.stderr.write(
      `farwatch: ${error.message}\n${error.advice === undefined ? '' : `  ${error.advice}\n`}`,
    );
    return error.name === 'InvalidInput' ? 2 : 1;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`farwatch: this is a defect of Farwatch, please report it\n${detail}\n`);
  return 1;
}
