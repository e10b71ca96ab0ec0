/** What `utils.parseKey` of ssh2 is: alone, it loads in a quarter of the time. */
declare module 'ssh2/lib/protocol/keyParser.js' {
  import type { ParsedKey } from 'ssh2';

  const parser: {
    /** A list for files that may hold several keys. */
    parseKey(data: string | Buffer, passphrase?: string | Buffer): ParsedKey | readonly ParsedKey[] | Error;
  };
  export default parser;
}
