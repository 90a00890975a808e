import {
  ComposeError,
  type ComposeErrorCode,
  ComposeErrors,
  type Excerpt,
  type Position,
  type RelatedPosition,
  sortByPosition,
  type Warning,
} from '../errors.ts';
import { maxErrors, maxExpanded, maxSubstitutedInAll } from './limits.ts';
import { printPath } from './tree-path.ts';
import { type Path, type Source, type Span, spansOfPath, type TreeMap } from './tree.ts';

/** How many errors one run shows; what comes after the twentieth is rarely news. */
const maxShown = 20;

export interface FindingOptions {
  readonly path?: Path | undefined;
  readonly span?: Span | null | undefined;
  /** Narrows the span to a part of the text that stands there: the port in a mapping, the unit of a size. */
  readonly part?: TextPart | undefined;
  readonly label?: string | undefined;
  readonly hint?: string | undefined;
  readonly related?:
    readonly { readonly message: string; readonly span: Span | null }[] | undefined;
  readonly cause?: unknown;
}

/** A part of a scalar's text, by offsets. */
export interface TextPart {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Collects what loading finds, so that one run reports every mistake and not the first one only. */
export class Findings {
  readonly errors: ComposeError[] = [];
  readonly warnings: Warning[] = [];
  readonly #places = new Set<string>();
  readonly #warned = new Set<string>();
  #omitted = 0;
  #expanded = 0;
  #length = 0;

  /** A second finding at a place that is already known to be wrong is a consequence, and is dropped. */
  error(code: ComposeErrorCode, message: string, options: FindingOptions = {}): void {
    const span = partSpan(options);
    if (span) {
      const place = `${span.source.file}:${span.start}`;
      if (this.#places.has(place)) return;
      this.#places.add(place);
    }
    if (this.errors.length < maxErrors) this.errors.push(makeError(code, message, options));
    else this.#omitted += 1;
  }

  add(errors: readonly ComposeError[]): void {
    this.errors.push(...errors);
  }

  warn(message: string, span?: Span | null): void {
    const known = span ? `${span.source.file}:${span.start}:${message}` : message;
    if (this.#warned.has(known)) return;
    this.#warned.add(known);
    this.warnings.push({ message, ...(span && { position: positionOf(span) }) });
  }

  /** Counts what texts stand for as entries of their own; false once that is more than a project can have. */
  takesExpansion(count: number): boolean {
    this.#expanded += count;
    return this.#expanded <= maxExpanded;
  }

  /** The same for characters that variables stand for. */
  takesText(length: number): boolean {
    this.#length += length;
    return this.#length <= maxSubstitutedInAll;
  }

  throwIfAny(): void {
    if (this.errors.length === 0) return;
    const sorted = sortByPosition(this.errors);
    throw new ComposeErrors(sorted.slice(0, maxShown), {
      omitted: Math.max(0, sorted.length - maxShown) + this.#omitted,
      warnings: this.warnings,
    });
  }
}

export function makeError(
  code: ComposeErrorCode,
  message: string,
  options: FindingOptions = {},
): ComposeError {
  const { path } = options;
  const span = partSpan(options);
  return new ComposeError(code, shortened(message), {
    ...(path && { path: printPath(path) }),
    ...(span && { position: positionOf(span), end: endOf(span), excerpt: excerptOf(span) }),
    label: options.label,
    hint: options.hint,
    related: [...relatedOf(options.related), ...overriddenBy(options.span)],
    cause: options.cause,
  });
}

/** Other places that one error names: a circle of a hundred services is understood before its end. */
const maxRelated = 20;

/** Messages quote what the user wrote, which may be a megabyte. */
const maxMessage = 1000;

function shortened(message: string): string {
  if (message.length <= maxMessage) return message;
  return `${message.slice(0, maxMessage - 100)} … ${message.slice(-100)}`;
}

function relatedOf(related: FindingOptions['related']): RelatedPosition[] {
  return (related ?? [])
    .slice(0, maxRelated)
    .flatMap(({ message, span }) => (span ? [{ message, position: positionOf(span) }] : []));
}

/** A value that another file gave before: whoever reads the error may want to know that there are two. */
function overriddenBy(span: Span | null | undefined): RelatedPosition[] {
  const before = span?.overrides;
  if (!before || before.source === span.source) return [];
  return [{ message: 'it overrides the value at', position: positionOf(before) }];
}

function partSpan({ span, part }: FindingOptions): Span | null {
  if (!span || part === undefined) return span ?? null;
  return partOf(part.text, span, part);
}

const maxSearched = 100_000;

/** The span of a part of a scalar, where the source holds the scalar as it is, else of all of it. */
export function partOf(
  text: string,
  span: Span | null,
  part: { readonly start: number; readonly end: number },
): Span | null {
  // Where a text takes long to search, so it would be for each of its parts.
  if (span === null || text.length > maxSearched) return span;
  const { source } = span;
  const written = source.text.slice(span.start, span.end);
  const shift = written.indexOf(text);
  if (shift === -1) {
    // Folded, escaped or a block scalar: the part itself may still stand there as it is.
    const expression = text.slice(part.start, part.end);
    const at = written.indexOf(expression);
    if (expression === '' || at === -1 || written.includes(expression, at + 1)) return span;
    return { source, start: span.start + at, end: span.start + at + expression.length };
  }
  return { source, start: span.start + shift + part.start, end: span.start + shift + part.end };
}

/** Span of a key where it is about the key, else of the value. */
export function keySpan(root: TreeMap, path: Path): Span | null {
  const spans = spansOfPath(root, path);
  return spans.key ?? spans.value;
}

export function valueSpan(root: TreeMap, path: Path): Span | null {
  const spans = spansOfPath(root, path);
  return spans.value ?? spans.key;
}

export function positionOf({ source, start }: Span): Position {
  return { file: source.shown, ...placeIn(source, start) };
}

function endOf({ source, end }: Span): { readonly line: number; readonly column: number } {
  return placeIn(source, end);
}

/** Where the lines of a file start. Counting them again for every place takes a minute for 20,000 mistakes. */
const lineStarts = new WeakMap<Source, readonly number[]>();

function lineStartsOf(source: Source): readonly number[] {
  const known = lineStarts.get(source);
  if (known !== undefined) return known;
  const starts = [0];
  for (let at = source.text.indexOf('\n'); at !== -1; at = source.text.indexOf('\n', at + 1))
    starts.push(at + 1);
  lineStarts.set(source, starts);
  return starts;
}

function placeIn(
  source: Source,
  offset: number,
): { readonly line: number; readonly column: number } {
  const starts = lineStartsOf(source);
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}

/** A line longer than this is shown around the caret only. */
const maxExcerpt = 160;

export function excerptOf(span: Span): Excerpt {
  const { text } = span.source;
  const place = placeIn(span.source, span.start);
  const start = span.start - place.column + 1;
  const line = lineAt(text, start);
  const beforeStart = lineStartsOf(span.source)[place.line - 2] ?? null;
  const column = span.start - start;
  const cut = column > maxExcerpt - 40 ? column - 40 : 0;
  const shown = line.slice(cut, cut + maxExcerpt);
  const before = beforeStart === null || cut > 0 ? null : lineAt(text, beforeStart);
  return {
    line: place.line,
    text: shown,
    before: before === null || before.trim() === '' ? null : before.slice(0, maxExcerpt),
    column: column - cut + 1,
    length: Math.max(1, Math.min(span.end - span.start, line.length - column, maxExcerpt - 40)),
  };
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
}
