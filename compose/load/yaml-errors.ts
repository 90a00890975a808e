import type { ErrorCode } from 'yaml';
import type { Findings } from './findings.ts';
import type { Source } from './tree.ts';

interface Words {
  readonly message: string;
  readonly hint?: string;
}

/** The parser's codes in words a compose file's author can act on. */
const words: Readonly<Partial<Record<ErrorCode, Words>>> = {
  TAB_AS_INDENT: {
    message: 'a tab cannot indent',
    hint: 'YAML is indented with spaces only: replace the tab by spaces',
  },
  BAD_INDENT: {
    message: 'this line is indented differently from its neighbours',
    hint: 'align it with the lines it belongs to',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a nested mapping cannot stand on the same line as its key',
    hint: 'put it on a line of its own, or quote the value if the colon belongs to it',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'a key must stand on one line and be followed by a colon',
    hint: 'check that the line above ends as intended and that this one has its ":"',
  },
  BAD_ALIAS: { message: 'an alias needs a name' },
  UNEXPECTED_TOKEN: { message: 'this does not belong here' },
  BAD_SCALAR_START: {
    message: 'a value cannot start with this character',
    hint: 'put the value in quotes',
  },
  BAD_DQ_ESCAPE: {
    message: 'unknown escape sequence in double quotes',
    hint: 'double the backslash, or use single quotes',
  },
  DUPLICATE_KEY: { message: 'key stands twice' },
  MULTIPLE_ANCHORS: { message: 'a value can have one anchor only' },
  MULTIPLE_TAGS: { message: 'a value can have one tag only' },
};

/** What the parser says of a mistake. */
export interface YamlMistake {
  readonly code: ErrorCode;
  readonly message: string;
  readonly pos: readonly [number, number];
}

export function yamlFinding(error: YamlMistake, source: Source, findings: Findings): void {
  const [start, end] = error.pos;
  const unclosed = findUnclosed(error, source.text);
  if (unclosed !== null) {
    const { at, closing } = unclosed;
    const lineEnd = source.text.indexOf('\n', at);
    findings.error('yaml-syntax', `the closing ${closing} is missing`, {
      span: { source, start: at, end: lineEnd === -1 ? source.text.length : lineEnd },
    });
    return;
  }
  const known = words[error.code];
  const detail = error.message.split('\n')[0]?.trim().replace(/\.$/, '') ?? '';
  const message = known?.message ?? lowerFirst(detail);
  findings.error('yaml-syntax', message, {
    span: { source, start: Math.min(start, source.text.length), end: Math.max(end, start + 1) },
    hint: known?.hint,
  });
}

/** The parser notices a missing quote or bracket at the end of the file; the mistake is where it was opened. */
function findUnclosed(
  { message, pos }: YamlMistake,
  text: string,
): { readonly at: number; readonly closing: string } | null {
  const closing =
    /^Missing closing (["'])/.exec(message)?.[1] ?? / end with a ([\]}])/.exec(message)?.[1];
  if (closing === undefined) return null;
  const opening = closing === ']' ? '[' : closing === '}' ? '{' : closing;
  const at = text.lastIndexOf(opening, pos[0]);
  return at === -1 ? null : { at, closing };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
