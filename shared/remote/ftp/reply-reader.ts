/** One complete reply (RFC 959, section 4.2); lines of a long one are joined by \n, codes and all. */
export interface Reply {
  readonly code: number;
  readonly message: string;
  /** Some of its lines do not end in CRLF: a line feed within a name looks so. */
  readonly bareLines?: true;
  /** It was so long that lines before the last were not kept. */
  readonly cut?: true;
}

/** Far beyond any directory that a server shows in one go: STAT answers here. */
const maxReplyLength = 256 * 2 ** 20;
/** Some 50,000 entries; a directory of a million is listed, not looked at, and its 80 MB would be held in vain. */
const maxKeptLength = 4 * 2 ** 20;
const maxLineLength = 1_000_000;

/**
 * Replies out of a control connection whose bytes arrive in any pieces. basic-ftp's own parser splits each piece
 * into lines, so that a line across two TCP segments becomes two. Long replies are whole directories: they are not
 * taken apart here, only their end is looked for.
 */
export class ReplyReader {
  /** A line whose end has not come yet. */
  #rest = '';
  /** Whole lines of the long reply that is being read, as they came; with its code, or ''. */
  #parts: string[] = [];
  #code = '';
  #length = 0;

  /** Throws RangeError for a reply without end. */
  push(piece: string): readonly Reply[] {
    const text = this.#rest + piece;
    const replies: Reply[] = [];
    let at = 0;
    for (;;) {
      const end = this.#code === '' ? text.indexOf('\n', at) + 1 : endOfReply(text, at, this.#code);
      if (end === 0) break;
      const lines = text.slice(at, end);
      at = end;
      const reply = this.#code === '' ? this.#line(lines) : this.#end(lines);
      if (reply !== undefined) replies.push(reply);
    }
    if (this.#code !== '') {
      const whole = Math.max(at, text.lastIndexOf('\n') + 1);
      if (whole > at) this.#add(text.slice(at, whole));
      at = whole;
    }
    this.#rest = text.slice(at);
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
    const match = /^([1-6]\d\d)([ -]|\r?\n)/.exec(line);
    if (match?.[1] === undefined) return undefined;
    if (match[2] !== '-') return replyOf(match[1], line);
    this.#code = match[1];
    this.#add(line);
    return undefined;
  }

  #add(lines: string): void {
    if (this.#length <= maxKeptLength) this.#parts.push(lines);
    this.#length += lines.length;
  }

  #end(lines: string): Reply {
    const reply = replyOf(this.#code, this.#parts.join('') + lines);
    const isCut = this.#length > maxKeptLength;
    this.#endReply();
    return isCut ? { ...reply, cut: true } : reply;
  }

  #endReply(): void {
    this.#code = '';
    this.#parts = [];
    this.#length = 0;
  }
}

/** Behind the line that ends a long reply: the first that begins with its code and no hyphen; 0 where it has not come. */
function endOfReply(text: string, from: number, code: string): number {
  for (let at = from; at < text.length; ) {
    if (text.startsWith(code, at)) {
      const end = text.indexOf('\n', at) + 1;
      if (end === 0) return 0;
      const next = text[at + code.length];
      if (next === ' ' || next === '\n' || (next === '\r' && end === at + code.length + 2)) return end;
    }
    const newline = text.indexOf(`\n${code}`, at);
    if (newline === -1) return 0;
    at = newline + 1;
  }
  return 0;
}

/** `lines` with all their ends. */
function replyOf(code: string, lines: string): Reply {
  const bareLines = /(?:^|[^\r])\n/.test(lines);
  const message = lines.replaceAll('\r\n', '\n').slice(0, -1);
  return bareLines ? { code: Number(code), message, bareLines } : { code: Number(code), message };
}
