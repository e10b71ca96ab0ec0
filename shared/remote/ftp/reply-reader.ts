/** One complete reply (RFC 959, section 4.2); lines of a long one are joined by \n, codes and all. */
export interface Reply {
  readonly code: number;
  readonly message: string;
}

/** More than any server says on the control connection; a listing never travels there. */
const maxReplyLength = 1_000_000;

/**
 * Replies out of a control connection whose bytes arrive in any pieces. basic-ftp's own parser splits each piece
 * into lines, so that a line across two TCP segments becomes two.
 */
export class ReplyReader {
  #rest = '';
  #lines: string[] = [];
  #length = 0;
  /** How the last line of the long reply begins that is being read, or ''. */
  #lastLine = '';

  /** Throws RangeError for a reply without end. */
  push(piece: string): readonly Reply[] {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop() ?? '';
    const replies: Reply[] = [];
    for (const line of lines) {
      const reply = this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
      if (reply !== undefined) replies.push(reply);
    }
    if (this.#rest.length + this.#length > maxReplyLength) {
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
      const reply = { code: Number(this.#lastLine), message: this.#lines.join('\n') };
      this.#endReply();
      return reply;
    }
    const match = /^([1-6]\d\d)([ -]|$)/.exec(line);
    if (match?.[1] === undefined) return undefined;
    if (match[2] !== '-') return { code: Number(match[1]), message: line };
    this.#lastLine = match[1];
    this.#lines.push(line);
    this.#length = line.length;
    return undefined;
  }

  #endReply(): void {
    this.#lastLine = '';
    this.#lines = [];
    this.#length = 0;
  }
}
