import { Minimatch } from 'minimatch';
import type { Pattern } from './selection.ts';
import { withoutLeadingSlash } from './selection-pattern.ts';

/** What is wrong with the pattern, for the person who wrote it; undefined if nothing is. */
export function validatePattern(pattern: Pattern): string | undefined {
  return pattern.type === 'glob' ? validateGlob(pattern.pattern) : validateRegex(pattern.pattern);
}

function validateRegex(source: string): string | undefined {
  if (source === '')
    return 'the regular expression is empty and would match everything; write .* if that is meant';
  try {
    new RegExp(source, 'u');
    return undefined;
  } catch (error) {
    return notARegex(error);
  }
}

function notARegex(error: unknown): string {
  const reason = error instanceof Error ? error.message.split(': ').at(-1) : undefined;
  return `not a JavaScript regular expression: ${reason ?? 'it does not compile'}`;
}

function validateGlob(glob: string): string | undefined {
  const path = withoutLeadingSlash(glob);
  if (/^\/*$/.test(path)) return 'the glob is empty; write ** for everything';
  if (/^!(?!\()/.test(path)) {
    return 'a glob cannot be negated with !; move it from include to exclude or back, or write \\! for a name that begins with !';
  }
  const step = path.split('/').find((segment) => segment === '.' || segment === '..');
  if (step !== undefined)
    return `the segment ${step} matches nothing; globs are relative to the root of the watch`;
  return unbalanced(path) ?? refusedByMinimatch(path);
}

function refusedByMinimatch(glob: string): string | undefined {
  try {
    new Minimatch(glob, { platform: 'linux' });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** minimatch takes brackets without a partner literally, and then the glob silently matches nothing. */
function unbalanced(glob: string): string | undefined {
  const open: string[] = [];
  for (let i = 0; i < glob.length; i += 1) {
    const character = glob.charAt(i);
    if (character === '\\') i += 1;
    else if (character === '[') {
      const end = classEnd(glob, i);
      if (end === undefined) return unclosed('[', 'its ] (before the next /)');
      i = end;
    } else if (character === ']') return unopened(']');
    else if (character === '{') open.push('{');
    else if (character === '}') {
      if (open.pop() !== '{') return unopened('}');
    } else if ('?*+@!'.includes(character) && glob.charAt(i + 1) === '(') {
      open.push('(');
      i += 1;
    } else if (character === ')' && open.at(-1) === '(') open.pop();
    else if (character === '/' && open.includes('(')) return unclosed('(', 'its ) (before the next /)');
  }
  const left = open.at(-1);
  if (left === undefined) return undefined;
  return left === '{' ? unclosed('{', 'its }') : unclosed('(', 'its )');
}

/** Where the class that begins at `start` ends. A ] that comes first is a member; `[:alpha:]` may be inside. */
function classEnd(glob: string, start: number): number | undefined {
  let i = start + 1;
  if (glob.charAt(i) === '!' || glob.charAt(i) === '^') i += 1;
  const first = i;
  for (; i < glob.length && glob.charAt(i) !== '/'; i += 1) {
    const posix = /^\[:[a-z]+:\]/.exec(glob.slice(i, i + 12));
    if (posix) i += posix[0].length - 1;
    else if (glob.charAt(i) === '\\') i += 1;
    else if (glob.charAt(i) === ']' && i > first) return i;
  }
  return undefined;
}

function unclosed(bracket: string, partner: string): string {
  return `unbalanced ${bracket}: add ${partner}, or write \\${bracket} for the character itself`;
}

function unopened(bracket: string): string {
  return `unbalanced ${bracket}: nothing opens it; write \\${bracket} for the character itself`;
}
