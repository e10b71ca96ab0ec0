/**
 * What the parts of a scan take, measured by `npm run bench -- cost`. A test compares the units and requests with a small
 * run, so that they keep up with the code. Times are of a shared machine with two cores: they only give an idea.
 */
export interface Effort {
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly fifoRequests: number;
  /** Of the functions, where the watched server answers at once. */
  readonly plannerMs: number;
  readonly scannerMs: number;
  readonly publisherMs: number;
}

const nothing: Effort = {
  readUnits: 0,
  writeUnits: 0,
  fifoRequests: 0,
  plannerMs: 0,
  scannerMs: 0,
  publisherMs: 0,
};

/** The planner's look at what is due, where nothing is. */
export const perTick: Effort = { ...nothing, readUnits: 7.5, plannerMs: 60 };

/** Its beginning and its end, apart from its tasks. */
export const perScan: Effort = {
  ...nothing,
  readUnits: 14,
  writeUnits: 15,
  fifoRequests: 1,
  plannerMs: 80,
  scannerMs: 150,
};

/** Its row, its session, its messages (sent with others of the scan, received, deleted). */
export const perTask: Effort = {
  ...nothing,
  readUnits: 11,
  writeUnits: 9,
  fifoRequests: 2,
  scannerMs: 250,
};

/** Of an unchanged directory; see `digestBytes` for what is read. */
export const perDirectory: Effort = { ...nothing, scannerMs: 0.1 };
export const perFile: Effort = { ...nothing, scannerMs: 0.008 };

/** A directory listed for the first time. */
export const perNewDirectory: Effort = { ...nothing, readUnits: 1, writeUnits: 6, scannerMs: 9 };

/** Its entries read, compared and written. */
export const perChangedDirectory: Effort = { ...nothing, readUnits: 3, writeUnits: 5, scannerMs: 14 };

/** A run of the publisher, woken while changes come in and after the last one. */
export const perPublishing: Effort = { ...nothing, readUnits: 45, fifoRequests: 3, publisherMs: 150 };
export const publishingEveryMs = 2_000;

/** From the log to the bus and the queue. */
export const perChange: Effort = { ...nothing, readUnits: 0.05, writeUnits: 0.05, publisherMs: 2 };

/** A directory's digest in the table: its path and about as much again. */
export function digestBytes(pathBytes: number): number {
  return 50 + pathBytes;
}

/** Where paths are not known. */
export const usualPathBytes = 40;

export const bytes = {
  /** Of a file in the table, its share of its directory included. */
  storedPerFile: 22,
  /** Rows of a scan and of a task, which stay for 30 days. */
  storedPerScan: 600,
  storedPerTask: 900,
  /** A change as an event or in a message. */
  perChange: 550,
  /** A change in the log, packed with others, which stays for 60 days. */
  loggedPerChange: 60,
  noticePerScan: 700,
  /** What Lambda itself writes of an invocation, as JSON: start and report. */
  platformLogPerInvocation: 700,
  logPerTick: 250,
  logPerScan: 500,
} as const;

/** Round trips that a session waits for a directory: SFTP lists many at once, FTP one after another. */
export const roundTrips = { sftp: 0.03, ftp: 4 } as const;
