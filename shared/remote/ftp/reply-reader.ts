/** One complete reply (RFC 959, section 4.2); lines of a long one are joined by \n, codes and all. */
export interface Reply {
  readonly code: number;
  readonly message: string;
  /** Some of its lines do not end in CRLF: a line feed within a name looks so. */
  readonly bareLines?: true;
}

/** Far beyond any directory that a server shows in one go: STAT answers here. */
const maxReplyLength = 256 * 2 ** 20;
const maxLineLength = 1_000_000;

/**
 * Replies out of a control connection whose bytes arrive in any pieces. basic-ftp's own parser splits each piece
 * into lines, so that a line across two TCP segments becomes two.
 */
export class ReplyReader {
  #rest = '';
  #lines: string[] = [];
  #length = 0;
  #bareLines = false;
  /** How the last line of the long reply begins that is being read, or ''. */
  #lastLine = '';

  /** Throws RangeError for a reply without end. */
  push(piece: string): readonly Reply[] {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop() ?? '';
    const replies: Reply[] = [];
    for (const line of lines) {
      const hasCr = line.endsWith('\r');
      if (!hasCr) this.#bareLines = true;
      const reply = this.#line(hasCr ? line.slice(0, -1) : line);
      if (reply !== undefined) replies.push(reply);
    }
    if (this.#rest.length > maxLineLength || this.#length > maxReplyLength) {
      throw new RangeError('a reply on the control connection has no end');
    }
    return replies;
  }

  /** Whatever came before TLS was not said by the server that TLS proves (RFC 4217, section 15.1). */
  forget(): void {
    this.#rest = '';
    this.#endReply();
  }

  #line(line: string): Reply | undefined {
    if (this.#lastLine !== '') {
      this.#lines.push(line);
      this.#length += line.length;
      if (!line.startsWith(this.#lastLine) || (line.length > 3 && line[3] !== ' ')) return undefined;
      return this.#reply(Number(this.#lastLine), this.#lines.join('\n'));
    }
    const match = /^([1-6]\d\d)([ -]|$)/.exec(line);
    if (match?.[1] === undefined) return undefined;
    if (match[2] !== '-') return this.#reply(Number(match[1]), line);
    this.#lastLine = match[1];
    this.#lines.push(line);
    this.#length = line.length;
    return undefined;
  }

  #reply(code: number, message: string): Reply {
    const reply: Reply = this.#bareLines ? { code, message, bareLines: true } : { code, message };
    this.#endReply();
    return reply;
  }

  #endReply(): void {
    this.#bareLines = false;
    this.#lastLine = '';
    this.#lines = [];
    this.#length = 0;
  }
}
