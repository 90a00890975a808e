/** What `--format` means, for every list: `table`, `table TEMPLATE`, `json`, `TEMPLATE`. */
import { alignColumns, dockerTable } from './table.ts';
import { compileTemplate } from './template/evaluate.ts';
import { ownJson, toJson } from './template/values.ts';

/** Texts by the names that templates use; a function takes arguments: `{{.Label "x"}}`. */
export type FormatRow = Readonly<Record<string, unknown>>;

export interface RowFormat {
  /** Name → heading, of those that have one. */
  readonly headings: FormatRow;
  /** Behind the word `table`, when nothing else stands there. */
  readonly defaultTable: string;
  /** Behind the word `raw`, as some lists of docker's have it. */
  readonly raw?: string;
}

export function renderRows(
  rows: readonly FormatRow[],
  format: string | undefined,
  { headings, defaultTable, raw }: RowFormat,
): string {
  const wanted = format === undefined || format === '' ? 'table' : format;
  if (wanted === 'json') {
    return rows.map((row) => `${toJson(jsonRow(row), { escapesHtml: true })}\n`).join('');
  }
  if (wanted === 'raw' && raw !== undefined) return renderEach(rows, raw);
  const isTable = wanted.startsWith('table');
  const source = isTable ? wanted.slice('table'.length) : wanted;
  const given = unescape(source.replaceAll(/^ +| +$/gu, ''));
  if (!isTable) return renderEach(rows, given);
  return renderAsTable(rows, given === '' ? defaultTable : given, headings);
}

/** What stands between two tabs is a cell. */
function renderAsTable(rows: readonly FormatRow[], source: string, headings: FormatRow): string {
  const template = compileTemplate(source);
  const heading = template.run(headingRow(headings), headingFunctions);
  const lines = [heading, ...rows.map((row) => template.run(withJson(row)))].join('\n').split('\n');
  return alignColumns(
    lines.map((line) => line.split('\t')),
    dockerTable,
  );
}

function renderEach(rows: readonly FormatRow[], source: string): string {
  const template = compileTemplate(source);
  return rows.map((row) => `${template.run(withJson(row))}\n`).join('');
}

/** Shells pass `\t` as it is typed. */
function unescape(format: string): string {
  return format.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

/** `{{json .}}` is the row as `--format json` prints it. */
function withJson(row: FormatRow): FormatRow {
  const value = (): string => toJson(jsonRow(row), { escapesHtml: true });
  return Object.defineProperty({ ...row }, ownJson, { enumerable: false, value });
}

function jsonRow(row: FormatRow): FormatRow {
  const entries = Object.entries(row).filter(([, value]) => typeof value !== 'function');
  return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** A name without a heading prints as docker prints it: a map without that key. */
function headingRow(headings: FormatRow): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(headings));
}

/** In the line of headings these leave the text as it is, lest half of it be missing. */
const headingFunctions = {
  json: first,
  split: first,
  join: first,
  title: first,
  lower: first,
  upper: first,
  pad: (text: unknown, before: unknown, behind: unknown): string =>
    ' '.repeat(Number(before)) + String(text) + ' '.repeat(Number(behind)),
  truncate: first,
};

function first(value: unknown): unknown {
  return value;
}

/** `{{.Label "com.example.version"}}` heads its column with `version`. */
export function labelHeading(name: unknown): string {
  return (String(name).split('.').at(-1) ?? '').replaceAll(/[-_]/gu, ' ');
}
