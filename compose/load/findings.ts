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

  /** A second finding at a place that is already known to be wrong is a consequence, and is dropped. */
  error(code: ComposeErrorCode, message: string, options: FindingOptions = {}): void {
    const span = partSpan(options);
    if (span) {
      const place = `${span.source.file}:${span.start}`;
      if (this.#places.has(place)) return;
      this.#places.add(place);
    }
    this.errors.push(makeError(code, message, options));
  }

  add(errors: readonly ComposeError[]): void {
    this.errors.push(...errors);
  }

  warn(message: string, span?: Span | null): void {
    const position = span ? positionOf(span) : undefined;
    const isKnown = this.warnings.some(
      (known) =>
        known.message === message &&
        known.position?.line === position?.line &&
        known.position?.column === position?.column,
    );
    if (!isKnown) this.warnings.push({ message, ...(position && { position }) });
  }

  throwIfAny(): void {
    if (this.errors.length === 0) return;
    const sorted = sortByPosition(this.errors);
    throw new ComposeErrors(sorted.slice(0, maxShown), {
      omitted: Math.max(0, sorted.length - maxShown),
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
  return new ComposeError(code, message, {
    ...(path && { path: printPath(path) }),
    ...(span && { position: positionOf(span), end: endOf(span), excerpt: excerptOf(span) }),
    label: options.label,
    hint: options.hint,
    related: [...relatedOf(options.related), ...overriddenBy(options.span)],
    cause: options.cause,
  });
}

function relatedOf(related: FindingOptions['related']): RelatedPosition[] {
  return (related ?? []).flatMap(({ message, span }) =>
    span ? [{ message, position: positionOf(span) }] : [],
  );
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

/** The span of a part of a scalar, where the source holds the scalar as it is, else of all of it. */
export function partOf(
  text: string,
  span: Span | null,
  part: { readonly start: number; readonly end: number },
): Span | null {
  if (span === null) return null;
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
  const lineStart = lineStartOf(source.text, start);
  return { file: source.shown, line: lineNumber(source, start), column: start - lineStart + 1 };
}

function endOf({ source, end }: Span): { readonly line: number; readonly column: number } {
  return { line: lineNumber(source, end), column: end - lineStartOf(source.text, end) + 1 };
}

/** A negative second argument would make lastIndexOf look at the first character all the same. */
function lineStartOf(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

function lineNumber(source: Source, offset: number): number {
  let line = 1;
  for (let at = source.text.indexOf('\n'); at !== -1 && at < offset;) {
    line += 1;
    at = source.text.indexOf('\n', at + 1);
  }
  return line;
}

/** A line longer than this is shown around the caret only. */
const maxExcerpt = 160;

export function excerptOf(span: Span): Excerpt {
  const { text } = span.source;
  const start = lineStartOf(text, span.start);
  const line = lineAt(text, start);
  const beforeStart = start === 0 ? null : lineStartOf(text, start - 1);
  const column = span.start - start;
  const cut = column > maxExcerpt - 40 ? column - 40 : 0;
  const shown = line.slice(cut, cut + maxExcerpt);
  const before = beforeStart === null || cut > 0 ? null : lineAt(text, beforeStart);
  return {
    line: lineNumber(span.source, span.start),
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
