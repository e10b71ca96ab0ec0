import type { ScanLimits } from './config.ts';

export type Scale = 'small' | 'medium' | 'large' | 'xl' | 'xxl';

export interface Preset extends ScanLimits {
  /** Files that the preset is meant for, at most. It works beyond them too, only less well. */
  readonly files: number;
}

/** So many directories are reassembled in seconds; more get a workflow, which no time-out of a function cuts. */
const workflowFrom = 20_000;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Chosen for the size of the tree. Small trees end early and free their slot for others; large ones keep the
 * round trips of a far server filled and hand work on seldom, for every task costs a message and ten writes.
 * No budget passes 60 s (protocol rule 5); every deadline leaves room for a task that is delivered again.
 */
export const presets: Readonly<Record<Scale, Preset>> = {
  small: limits(10_000, 16, 20 * SECOND, 100, 10 * MINUTE),
  medium: limits(250_000, 64, 45 * SECOND, 500, 15 * MINUTE),
  large: limits(2_000_000, 128, 60 * SECOND, 2_000, 30 * MINUTE),
  xl: limits(20_000_000, 256, 60 * SECOND, 5_000, HOUR),
  xxl: limits(Number.POSITIVE_INFINITY, 256, 60 * SECOND, 10_000, 2 * HOUR),
};

/** On AWS every task costs money too: there it is the budget that hands work on, and seldom the count. */
const dearer = 20;

export const deployedPresets: typeof presets = {
  small: ofDeployment(presets.small),
  medium: ofDeployment(presets.medium),
  large: ofDeployment(presets.large),
  xl: ofDeployment(presets.xl),
  xxl: ofDeployment(presets.xxl),
};

export const defaultScale: Scale = 'medium';

function ofDeployment(preset: Preset): Preset {
  return { ...preset, taskDirectories: dearer * preset.taskDirectories };
}

function limits(
  files: number,
  inFlight: number,
  taskBudgetMs: number,
  taskDirectories: number,
  deadlineMs: number,
): Preset {
  return { files, inFlight, taskBudgetMs, taskDirectories, deadlineMs, workflowFrom };
}
