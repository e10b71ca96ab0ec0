import { together, type Usage } from './bill.ts';
import {
  bytes,
  digestBytes,
  type Effort,
  perChange,
  perChangedDirectory,
  perDirectory,
  perFile,
  perNewDirectory,
  perPublishing,
  perScan,
  perTask,
  publishingEveryMs,
  roundTrips,
  usualPathBytes,
} from './coefficients.ts';
import { gbSeconds, gigabyte, logs } from './deployment.ts';
import { connectorCallDollars } from './prices.ts';

export interface WatchedSize {
  readonly files: number;
  /** Below the root, which comes on top. */
  readonly directories: number;
  readonly pathBytes?: number;
}

export interface WatchEstimate extends WatchedSize {
  readonly protocol: 'sftp' | 'ftp';
  readonly connections: number;
  /** `scale.taskDirectories` as deployed. */
  readonly taskDirectories: number;
  readonly scansPerMonth: number;
  /** Each in a directory of its own: it costs least where many are in one. */
  readonly changesPerScan: number;
  readonly roundTripMs: number;
}

/** Directories of which a plan makes a task of its own, at least; over FTP always so many. */
const directoriesPerTask = 200;

/** As many tasks as the plan of a scan has. */
export function plannedTasks({
  protocol,
  connections,
  taskDirectories,
  directories,
}: Pick<WatchEstimate, 'protocol' | 'connections' | 'taskDirectories' | 'directories'>): number {
  const perTaskOf = protocol === 'sftp' ? Math.max(directoriesPerTask, taskDirectories) : directoriesPerTask;
  return Math.max(1, Math.min(connections, Math.floor((directories + 1) / perTaskOf)));
}

/** What one scan takes in the table and of the functions' time, where the server answers at once. */
export function scanEffort(watch: WatchEstimate): Effort {
  const { directories, files, changesPerScan, pathBytes = usualPathBytes } = watch;
  const changed = Math.min(changesPerScan, directories + 1);
  // What changed is read once more, for the digest of the tree and the next plan.
  const readings = changed > 0 ? 2 : 1;
  const effort = sum([
    [1, perScan],
    [plannedTasks(watch), perTask],
    [directories + 1, perDirectory],
    [files, perFile],
    [changed, perChangedDirectory],
    [changesPerScan, perChange],
  ]);
  const digests = ((directories + 1) * digestBytes(pathBytes)) / 4_096;
  const publishing = sum([[publishings(effort.scannerMs, changesPerScan), perPublishing]]);
  const whole = sum([
    [1, effort],
    [1, publishing],
  ]);
  return { ...whole, readUnits: whole.readUnits + readings * digests };
}

function publishings(scannerMs: number, changes: number): number {
  return changes === 0 ? 0 : Math.min(changes, Math.ceil(scannerMs / publishingEveryMs));
}

export function firstScanEffort({ directories }: Pick<WatchedSize, 'directories'>): Effort {
  return sum([[directories + 1, perNewDirectory]]);
}

/** Milliseconds that the scanners of one scan wait for the server. */
export function listingMs({ directories, protocol, roundTripMs }: WatchEstimate): number {
  return (directories + 1) * roundTrips[protocol] * roundTripMs;
}

/** A month of a watch. `listing` is the waiting for its server, which depends on how far away it is. */
export function watchUsage(watch: WatchEstimate): { readonly own: Usage; readonly listing: Usage } {
  const { scansPerMonth: scans, changesPerScan } = watch;
  const tasks = plannedTasks(watch);
  const effort = scanEffort(watch);
  const changes = scans * changesPerScan;
  const publishers = scans * publishings(effort.scannerMs, changesPerScan);
  const eventBytes = scans * bytes.noticePerScan + changes * bytes.perChange;
  const invocations = scans * tasks + publishers;
  const storedGb = storedBytes(watch, tasks) / gigabyte;
  return {
    own: together(
      {
        lambdaGbSeconds:
          scans *
          (gbSeconds('planner', effort.plannerMs) +
            gbSeconds('scanner', effort.scannerMs) +
            gbSeconds('publisher', effort.publisherMs)),
        lambdaRequests: invocations,
        readUnits: scans * effort.readUnits,
        writeUnits: scans * effort.writeUnits,
        tableGbMonths: storedGb,
        backupGbMonths: storedGb,
        keyRequests: invocations,
        fifoRequests: scans * effort.fifoRequests,
        queueRequests: Math.ceil((changes * bytes.perChange) / 65_536),
        events: scans + changes,
        archivedGb: eventBytes / gigabyte,
        archiveGbMonths: eventBytes / gigabyte,
        secretRequests: scans * tasks,
        traces: invocations,
      },
      logs(scans * bytes.logPerScan + invocations * bytes.platformLogPerInvocation),
    ),
    listing: { lambdaGbSeconds: scans * gbSeconds('scanner', listingMs(watch)) },
  };
}

/** In the table, once scans and changes have been kept for as long as they are. */
function storedBytes({ files, directories, pathBytes, ...watch }: WatchEstimate, tasks: number): number {
  const digests = (directories + 1) * digestBytes(pathBytes ?? usualPathBytes);
  const scans = watch.scansPerMonth * (bytes.storedPerScan + tasks * bytes.storedPerTask);
  const log = 2 * watch.scansPerMonth * watch.changesPerScan * bytes.loggedPerChange;
  return digests + files * bytes.storedPerFile + scans + log;
}

/** The same by connectors of AWS Transfer Family: a call for each directory. */
export function connectorDollars(scansPerMonth: number, directories: number): number {
  return scansPerMonth * (directories + 1) * connectorCallDollars;
}

function sum(parts: readonly (readonly [number, Effort])[]): Effort {
  const add = (of: (effort: Effort) => number) =>
    parts.reduce((total, [count, effort]) => total + count * of(effort), 0);
  return {
    readUnits: add((effort) => effort.readUnits),
    writeUnits: add((effort) => effort.writeUnits),
    fifoRequests: add((effort) => effort.fifoRequests),
    plannerMs: add((effort) => effort.plannerMs),
    scannerMs: add((effort) => effort.scannerMs),
    publisherMs: add((effort) => effort.publisherMs),
  };
}
