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
  MISSING_CHAR: { message: 'something is missing here' },
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
  const known = words[error.code];
  const [start, end] = error.pos;
  const detail = error.message.split('\n')[0]?.trim().replace(/\.$/, '') ?? '';
  // "Missing closing quote" and its like say exactly what is missing.
  const isSpecific = known === undefined || error.code === 'MISSING_CHAR';
  const message = isSpecific ? lowerFirst(detail) : known.message;
  findings.error('yaml-syntax', message, {
    span: { source, start: Math.min(start, source.text.length), end: Math.max(end, start + 1) },
    hint: known?.hint,
  });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
