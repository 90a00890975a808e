/**
 * The invalid projects of test/fixtures/invalid. Each file holds cases of one area:
 *
 *     === name of the case
 *     --- file NAME          (left out: compose.yaml)
 *     text, with «the token the caret must be under» for every error
 *     --- env NAME=value     (variables of the caller)
 *     --- use a.yaml b.yaml  (left out: compose.yaml)
 *     --- accepted REASON    (docker compose takes it; why we do not)
 *     --- error
 *     what is printed
 */
import { readdirSync, readFileSync } from 'node:fs';
import { errorText, fakeHost } from './host.ts';
import { loadProject } from '../../../../compose/index.ts';

export const folder: URL = new URL('../../../fixtures/invalid/', import.meta.url);

export interface InvalidCase {
  readonly name: string;
  /** The case as it stands in its file, without what is printed. */
  readonly input: string;
  readonly files: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly use: readonly string[];
  /** Why docker compose takes what we refuse, or null. */
  readonly accepted: string | null;
  readonly marks: readonly Mark[];
}

/** A token, and where its caret belongs. */
export interface Mark {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly token: string;
}

export interface CaseFile {
  readonly name: string;
  readonly cases: readonly InvalidCase[];
}

export function readCases(): CaseFile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => ({ name, cases: parseCases(readFileSync(new URL(name, folder), 'utf8')) }));
}

export function parseCases(text: string): InvalidCase[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map((block) => parseCase(block.split(/^--- error$/m, 1)[0] ?? ''));
}

function parseCase(block: string): InvalidCase {
  const [name = '', ...lines] = block.split('\n');
  const input = lines.join('\n').trimEnd();
  const files: Record<string, string> = {};
  const environment: Record<string, string> = {};
  let use: readonly string[] = [];
  let accepted: string | null = null;
  for (const part of input.split(/^(?=--- )/m)) {
    const match = /^--- (\w+) ?(.*)\n?/.exec(part);
    const [head = '', kind = 'file', value = 'compose.yaml'] = match ?? [];
    if (kind === 'file') files[value] = `${part.slice(head.length).trimEnd()}\n`;
    else if (kind === 'env') environment[value.split('=', 1)[0] ?? ''] = value.replace(/^.*?=/, '');
    else if (kind === 'use') use = value.split(' ');
    else if (kind === 'accepted') accepted = value;
    else throw new Error(`${name}: what is "--- ${kind}"?`);
  }
  const marks: Mark[] = [];
  for (const [file, marked] of Object.entries(files)) {
    files[file] = withoutMarks(marked, file, marks);
  }
  return { name, input, files, environment, use, accepted, marks };
}

function withoutMarks(marked: string, file: string, marks: Mark[]): string {
  const [before = '', ...pieces] = unescaped(marked).split('«');
  let text = before;
  for (const piece of pieces) {
    const [token = '', rest = ''] = piece.split('»');
    const lines = text.split('\n');
    const column = (lines.at(-1) ?? '').length + 1;
    marks.push({ file, line: lines.length, column, token: token.replace(unprintable, '\ufffd') });
    text += token + rest;
  }
  return text;
}

/** As formatComposeError shows it. */
const unprintable = /^[\p{Cc}\p{Cs}](?<!\t)$/u;

/** `\x00`: what a text editor would not show. */
function unescaped(text: string): string {
  return text.replaceAll(/\\x([0-9a-f]{2,4});/g, (_, code: string) =>
    String.fromCharCode(parseInt(code, 16)),
  );
}

/** What loading the case prints. */
export function printedError({ files, environment, use }: InvalidCase): string {
  const host = fakeHost({
    files: Object.fromEntries(
      Object.entries(files).map(([name, text]) => [new URL(name, 'file:///shop/').pathname, text]),
    ),
    environment,
  });
  const request = { workingDirectory: '/shop', ...(use.length > 0 && { files: use }) };
  return errorText(() => loadProject(request, host));
}

/** Every caret of what was printed, with the token above it. */
export function caretsOf(printed: string): Mark[] {
  return [...printed.matchAll(caret)].map(
    ([, file = '', line, column, excerpt = '', indent = '', marks = '']) => ({
      file,
      line: Number(line),
      column: Number(column),
      token: excerpt.slice(indent.length, indent.length + marks.length),
    }),
  );
}

const caret = /^ *--> (\S+):(\d+):(\d+)\n *\|\n(?: *\d+ \|.*\n)?? *\d+ \| (.*)\n *\| (\s*)(\^+)/gm;

export function printCases(cases: readonly InvalidCase[]): string {
  return cases
    .map((one) => `=== ${one.name}\n${one.input}\n--- error\n${printedError(one)}\n`)
    .join('');
}
