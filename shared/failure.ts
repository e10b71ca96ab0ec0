/**
 * The one taxonomy of failures. `name` is a literal on purpose: Step Functions matches it, logs group by it,
 * and minifiers rename classes. A message never holds a secret; `advice` says what the reader can do about it.
 */
export type FailureName =
  | 'RemoteUnavailable'
  | 'RemoteAuth'
  | 'RemoteNotFound'
  | 'RemoteProtocol'
  | 'StaleSnapshot'
  | 'Fenced'
  | 'StateUnusable'
  | 'InvalidInput'
  | 'PublishFailed';

interface FailureOptions {
  readonly cause?: unknown;
  /** One sentence, imperative: what to check or do. */
  readonly advice?: string;
}

export abstract class Failure extends Error {
  abstract override readonly name: FailureName;
  readonly advice: string | undefined;

  constructor(message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.advice = options.advice;
  }
}

/** The server cannot be reached or dropped us: worth another try. */
export class RemoteUnavailable extends Failure {
  override readonly name = 'RemoteUnavailable';
  /**
   * `busy`: the server has too many sessions already (never taken for a failed login).
   * `silent`: it stopped answering without closing, so its side of the session may live on until its idle time-out.
   */
  readonly reason: 'refused' | 'unknown-host' | 'timeout' | 'silent' | 'lost' | 'busy';

  constructor(reason: RemoteUnavailable['reason'], message: string, options?: FailureOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The server refused who we are, or is not who it should be. Trying again could lock the account. */
export class RemoteAuth extends Failure {
  override readonly name = 'RemoteAuth';
  readonly reason: 'login' | 'host-key' | 'certificate';

  constructor(reason: RemoteAuth['reason'], message: string, options?: FailureOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** A path is not there. Never diffed: absence is proved only by the complete listing of its parent. */
export class RemoteNotFound extends Failure {
  override readonly name = 'RemoteNotFound';
}

/** The server said something that cannot be understood; `sample` is a short, printable piece of it. */
export class RemoteProtocol extends Failure {
  override readonly name = 'RemoteProtocol';
  readonly sample: string | undefined;

  constructor(message: string, options: FailureOptions & { readonly sample?: string } = {}) {
    super(message, options);
    this.sample = options.sample;
  }
}

/** Somebody committed these directories since they were read: list them again (protocol rule 2). */
export class StaleSnapshot extends Failure {
  override readonly name = 'StaleSnapshot';
  readonly directories: readonly string[];

  constructor(directories: readonly string[]) {
    super(`stale snapshot of ${directories.length} directories, first ${JSON.stringify(directories[0])}`);
    this.directories = directories;
  }
}

/** The task's row no longer names this attempt: stop at once, write nothing (protocol rule 1). */
export class Fenced extends Failure {
  override readonly name = 'Fenced';
}

/** The state file cannot be used: corrupt, of a newer version, or held by another runner. */
export class StateUnusable extends Failure {
  override readonly name = 'StateUnusable';
}

/** Configuration, arguments or messages that cannot be right. Exit code 2 on the command line. */
export class InvalidInput extends Failure {
  override readonly name = 'InvalidInput';
}

/** An output took none or only some of the changes; `failed` are the ids to send again. */
export class PublishFailed extends Failure {
  override readonly name = 'PublishFailed';
  readonly failed: readonly string[];

  constructor(message: string, failed: readonly string[], options?: FailureOptions) {
    super(message, options);
    this.failed = failed;
  }
}
