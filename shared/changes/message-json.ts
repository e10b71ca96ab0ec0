/**
 * JSON that SQS takes as a message. It refuses U+FFFE and U+FFFF, which are valid UTF-8, so that a file may bear them in
 * its name: one such file would keep everything behind it waiting for ever. Escaped they mean the same.
 */
export function messageJson(value: object): string {
  return JSON.stringify(value).replace(/[\ufffe\uffff]/g, (character) =>
    character === '\ufffe' ? '\\ufffe' : '\\uffff',
  );
}
