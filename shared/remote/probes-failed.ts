import { RemoteProtocol } from '../failure.ts';

/** What the server answered to probes did not fit: the session is over, and the next ones must do without. */
export class ProbesFailed extends RemoteProtocol {}
