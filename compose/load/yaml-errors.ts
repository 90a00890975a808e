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

/** Built from codes: a source file should hold no control characters, nor an expression that does. */
const forbidden = new RegExp(
  `[${[
    [0x00, 0x08],
    [0x0b, 0x0c],
    [0x0e, 0x1f],
    [0x7f, 0x84],
    [0x86, 0x9f],
  ]
    .map((range) => range.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('-'))
    .join('')}]|(?<![\\ud800-\\udbff])[\\udc80-\\udcff]`,
);

/** What the parser says of a mistake. */
export interface YamlMistake {
  readonly code: ErrorCode;
  readonly message: string;
  readonly pos: readonly [number, number];
}

/** go-yaml takes a comment right behind a quote, and files have it. */
export function isMistake({ message }: YamlMistake): boolean {
  return !message.startsWith('Comments must be separated');
}

/** All that the parser says of one document. What follows from a mistake is no second one. */
export function yamlFindings(
  mistakes: readonly YamlMistake[],
  source: Source,
  findings: Findings,
): void {
  const conflict = conflictMarker(source.text);
  if (conflict !== null) {
    findings.error('yaml-syntax', 'a merge conflict of git is left in the file', {
      span: { source, ...conflict },
      hint: 'keep one of the two sides and remove the lines with <<<<<<<, ======= and >>>>>>>',
    });
    return;
  }
  const quote = mistakes.find(({ message }) => /^Missing closing ["']/.test(message));
  const lines = new Set<number>();
  for (const mistake of quote === undefined ? mistakes : [quote]) {
    const line = lineStart(source.text, mistake.pos[0]);
    if (lines.has(line)) continue;
    lines.add(line);
    yamlFinding(mistake, source, findings);
  }
}

function conflictMarker(text: string): { start: number; end: number } | null {
  const match = /^<{7}( .*)?$/m.exec(text);
  if (match === null || !/^={7}$/m.test(text)) return null;
  return { start: match.index, end: match.index + match[0].length };
}

function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

export function yamlFinding(error: YamlMistake, source: Source, findings: Findings): void {
  const { text } = source;
  const unclosed = findUnclosed(error, text);
  if (unclosed !== null) {
    const { at, closing } = unclosed;
    const lineEnd = text.indexOf('\n', at);
    findings.error('yaml-syntax', `the closing ${closing} is missing`, {
      span: { source, start: at, end: lineEnd === -1 ? text.length : lineEnd },
      hint:
        closing === "'" ? "a single quote inside single quotes is written twice: ''" : undefined,
    });
    return;
  }
  const known = shiftedLine(error, text) ?? words[error.code];
  const detail = error.message.split('\n')[0]?.trim().replace(/\.$/, '') ?? '';
  findings.error('yaml-syntax', known?.message ?? lowerFirst(detail), {
    span: { source, ...rangeOf(error, text) },
    hint: known?.hint,
  });
}

/** The parser calls many mistakes of indentation a nested mapping; the line itself tells which it is. */
function shiftedLine({ code, message, pos }: YamlMistake, text: string): Words | null {
  if (message.startsWith('Implicit map keys need')) {
    return {
      message: 'a ":" is missing on this line',
      hint: 'write "key: value"; text over several lines is indented deeper than its key',
    };
  }
  if (message.startsWith('Missing directives-end')) {
    return { message: 'after a line with "%" a line with "---" must follow' };
  }
  if (code !== 'BLOCK_AS_IMPLICIT_KEY') return null;
  const [line = ''] = text.slice(tokenStart(text, pos[0])).split('\n', 1);
  if (line.startsWith('- ')) {
    return {
      message: 'a list item cannot stand here',
      hint: 'align the "-" with the other items of its list',
    };
  }
  if (/:(\s|$)/.test(line)) return null;
  return {
    message: 'the line below is indented deeper, but this value is complete',
    hint: 'align the line below with the key of this one',
  };
}

/** From the first character that is no space to the end of what the parser means. */
function rangeOf(
  { code, message, pos }: YamlMistake,
  text: string,
): { start: number; end: number } {
  const [from, to] = pos;
  if (code === 'TAB_AS_INDENT') {
    const tabs = /^\t+/.exec(text.slice(from))?.[0].length ?? 1;
    return { start: from, end: from + tabs };
  }
  if (code === 'BAD_DQ_ESCAPE') return { start: from, end: Math.max(to, from + 2) };
  const start = Math.min(tokenStart(text, from), text.length);
  if (code === 'BAD_INDENT') {
    return { start, end: start + (/^[^\s:]+/.exec(text.slice(start))?.[0].length ?? 1) };
  }
  if (code === 'BLOCK_AS_IMPLICIT_KEY' || message.startsWith('Implicit map keys need')) {
    const length = /^(-(?=\s)|[^\n#]*[^\s#])/.exec(text.slice(start))?.[0].length ?? 1;
    return { start, end: start + length };
  }
  return { start, end: Math.max(to, start + 1) };
}

function tokenStart(text: string, from: number): number {
  return from + (/^ *(?=\S)/.exec(text.slice(from, from + 400))?.[0].length ?? 0);
}

/** What YAML allows nowhere in a file (yaml.org/spec/1.2.2 §5.1), and bytes that are no UTF-8. */
export function checkCharacters(source: Source, findings: Findings): boolean {
  const match = forbidden.exec(source.text);
  if (match === null) return true;
  const [character] = match;
  const code = character.charCodeAt(0);
  const isByte = code >= 0xdc80;
  const number = (isByte ? code - 0xdc00 : code).toString(16).padStart(2, '0');
  findings.error(
    'yaml-syntax',
    isByte
      ? `the byte 0x${number} is no UTF-8`
      : `the control character U+00${number} cannot stand in YAML`,
    {
      span: { source, start: match.index, end: match.index + 1 },
      hint: isByte
        ? 'save the file as UTF-8'
        : 'remove it; inside double quotes it can be written as an escape',
    },
  );
  return false;
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
  if (at === -1) return null;
  return {
    at: closing.length === 1 && '}]'.includes(closing) ? openedAt(text, pos[0], at) : at,
    closing,
  };
}

/** The bracket that is open at `end`, leaving out pairs and quoted text; `fallback` where there is none. */
function openedAt(text: string, end: number, fallback: number): number {
  const open: number[] = [];
  for (const match of text
    .slice(0, end)
    .matchAll(/"(?:[^"\\]|\\.)*"|'[^']*'|(^|\s)#.*|[[\]{}]/gm)) {
    if ('[{'.includes(match[0])) open.push(match.index);
    else if (']}'.includes(match[0])) open.pop();
  }
  return open.at(-1) ?? fallback;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
