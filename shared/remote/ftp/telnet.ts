import type { Reply } from './reply-reader.ts';
import { toWire } from './wire.ts';

/**
 * The byte 0xFF, which is in no UTF-8. On a control connection it is Telnet's IAC: it begins one of Telnet's commands, and stands for
 * itself only where it is doubled (RFC 854; RFC 959, section 2.3). ProFTPD and BSD's ftpd read it so: a single one may take the next
 * bytes with it, the end of the command too, and what they answer to Telnet's command gets into the next reply. vsftpd, Pure-FTPd and
 * many others take every byte for itself, so that a doubled one means another name.
 */
const iac = '\xff';

/** How a server reads the byte in a command: as it is, or as Telnet does; `tells`: its refusals tell which. */
export type IacReading = 'single' | 'doubled' | 'tells' | 'unknown';
/** How a server says the byte in the place of PWD. */
export type IacSaying = 'single' | 'doubled' | 'either';

/** How a path may be sent. */
export interface Way {
  readonly wire: string;
  /** How the place is to be read that PWD says then. */
  readonly says: IacSaying;
  /** Whether the server may read the byte in another way: PWD shows that it did not. */
  readonly isTrial: boolean;
}

/** Nobody has a directory of this name. */
const question = `CWD farwatch${iac}${iac}telnet`;

/** How paths are sent to a server. */
export class Wires {
  readonly #says: IacSaying;
  #reading: IacReading;

  constructor(reading: IacReading, says: IacSaying) {
    this.#reading = reading;
    this.#says = says;
  }

  /** The one way to send the path; undefined where that is not known, or not yet. */
  known(path: string): string | undefined {
    const wire = toWire(path);
    if (this.#reading === 'single' || !wire.includes(iac)) return wire;
    return this.#reading === 'doubled' ? doubled(wire) : undefined;
  }

  /**
   * All ways to send the path that do no harm. Doubled, the byte never does; where PWD then says it single, this is the place, for who
   * took both for themselves would say at least two. Single, it does no harm if no byte follows that is part of Telnet's commands.
   * Since that excludes two in a row, PWD may double it or not.
   */
  async ways(path: string, ask: (command: string) => Promise<Reply>): Promise<readonly Way[]> {
    if (this.#reading === 'tells' && this.known(path) === undefined) {
      this.#reading = readingBy(await ask(question));
    }
    const known = this.known(path);
    if (known !== undefined) return [{ wire: known, says: this.#says, isTrial: false }];
    const wire = toWire(path);
    const first: Way = { wire: doubled(wire), says: 'single', isTrial: true };
    if (/\xff[\xf0-\xff]/.test(wire)) return [first];
    // A slash at the end, so that the byte does not take the end of the command.
    return [first, { wire: wire.endsWith(iac) ? `${wire}/` : wire, says: 'either', isTrial: true }];
  }
}

/**
 * ProFTPD repeats the name that it refuses. It reads the byte as it is where the configuration names a charset in which that is a
 * letter (`UseEncoding UTF-8 CP1251 strict`).
 */
function readingBy({ code, message }: Reply): IacReading {
  const repeated = code < 500 ? undefined : /farwatch(.*)telnet/s.exec(message)?.[1];
  if (repeated === undefined) return 'unknown';
  return repeated === iac ? 'doubled' : 'single';
}

/** What the server can mean by a place that it says so. */
export function iacMeanings(place: string, says: IacSaying): readonly string[] {
  const meant = says === 'single' ? place : place.replaceAll(iac + iac, iac);
  return says === 'either' && meant !== place ? [place, meant] : [meant];
}

function doubled(wire: string): string {
  return wire.replaceAll(iac, iac + iac);
}
