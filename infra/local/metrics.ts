import { createRequire } from 'node:module';
import type { Change } from '../../shared/changes/change.ts';
import type { FailureName } from '../../shared/failure.ts';

export interface WatchLabels {
  readonly tenant: string;
  readonly watch: string;
}

export interface FinishedScan extends WatchLabels {
  readonly result: 'complete' | 'incomplete' | 'failed';
  readonly durationMs: number;
  readonly files: number;
  readonly directories: number;
  /** Milliseconds since 1970. */
  readonly endedAt: number;
}

/** What Farwatch counts about itself, each under its tenant and watch. */
export interface Metrics {
  scanFinished(scan: FinishedScan): void;
  /** Once per output that has taken the change. */
  changePublished(change: Pick<Change, 'tenant' | 'watch' | 'type'>, output: string): void;
  error(error: FailureName, where: Partial<WatchLabels> & { readonly output?: string }): void;
  /** Tasks of the watch that wait or run. */
  queueDepth(watch: WatchLabels, tasks: number): void;
  /** Committed changes that the output has not taken. */
  outputLag(output: string, changes: number): void;
  /** The Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

const byWatch = ['tenant', 'watch'] as const;

/** For those whom nobody asks. */
export const unmeasured: Metrics = {
  scanFinished: () => undefined,
  changePublished: () => undefined,
  error: () => undefined,
  queueDepth: () => undefined,
  outputLag: () => undefined,
  text: async () => '',
  contentType: 'text/plain',
};

export function createMetrics(): Metrics {
  // Loaded here: it brings all of OpenTelemetry's interface along.
  const prometheus: typeof import('prom-client') = createRequire(import.meta.url)('prom-client');
  const { Counter, Gauge, Histogram, Registry } = prometheus;
  const registry = new Registry();
  const registers = [registry];
  const scanSeconds = new Histogram({
    name: 'farwatch_scan_duration_seconds',
    help: 'Time from the beginning of a scan to its end',
    labelNames: byWatch,
    buckets: [0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1_800, 3_600],
    registers,
  });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames, registers });

  const files = gauge('farwatch_scan_files', 'Files seen by the last scan', byWatch);
  const directories = gauge('farwatch_scan_directories', 'Directories listed by the last scan', byWatch);
  const scans = counter('farwatch_scans_total', 'Scans that have ended', [...byWatch, 'result']);
  const completeAt = gauge(
    'farwatch_last_complete_scan_timestamp_seconds',
    'When the last complete scan ended',
    byWatch,
  );
  const changes = counter('farwatch_changes_total', 'Changes taken by an output', [
    ...byWatch,
    'type',
    'output',
  ]);
  const errors = counter('farwatch_errors_total', 'Failures, by name', ['error', ...byWatch, 'output']);
  const queue = gauge('farwatch_queue_depth', 'Tasks that wait or run', byWatch);
  const lag = gauge('farwatch_output_lag', 'Committed changes that an output has not taken', ['output']);

  return {
    scanFinished({ tenant, watch, ...scan }) {
      const labels = { tenant, watch };
      scanSeconds.observe(labels, scan.durationMs / 1_000);
      files.set(labels, scan.files);
      directories.set(labels, scan.directories);
      scans.inc({ ...labels, result: scan.result });
      if (scan.result === 'complete') completeAt.set(labels, scan.endedAt / 1_000);
    },
    changePublished: ({ tenant, watch, type }, output) => changes.inc({ tenant, watch, type, output }),
    error: (error, where) => errors.inc({ error, ...where }),
    queueDepth: ({ tenant, watch }, tasks) => queue.set({ tenant, watch }, tasks),
    outputLag: (output, waiting) => lag.set({ output }, waiting),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
