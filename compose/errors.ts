/** A place in a file the user wrote. Line and column count from 1; columns are UTF-16 units. */
export interface Position {
  /** As shown to the user: relative to the working directory where the file is below it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The line an error points at, what stands before it, and where the caret goes. */
export interface Excerpt {
  readonly line: number;
  readonly text: string;
  readonly before: string | null;
  readonly column: number;
  readonly length: number;
}

/** Another place that belongs to the story: the first of two duplicates, the step of a cycle. */
export interface RelatedPosition {
  readonly message: string;
  readonly position: Position;
}

/** Every way in which a project can be wrong. A code without a test in golden errors fails that test. */
export const composeErrorCodes = [
  'alias-limit',
  'conflicting-attributes',
  'dependency-cycle',
  'dependency-failed',
  'duplicate-key',
  'duplicate-name',
  'empty-file',
  'engine-refused',
  'env-file',
  'extends',
  'file-not-found',
  'include',
  'interpolation',
  'invalid-project-name',
  'invalid-syntax',
  'invalid-type',
  'invalid-value',
  'missing-image',
  'missing-key',
  'no-configuration',
  'no-service',
  'not-supported',
  'port-in-use',
  'required-variable',
  'too-deep',
  'too-large',
  'undefined-reference',
  'unknown-key',
  'update-failed',
  'yaml-syntax',
] as const;
export type ComposeErrorCode = (typeof composeErrorCodes)[number];

export interface ComposeErrorOptions {
  readonly position?: Position | undefined;
  /** Right behind the last character that is wrong. */
  readonly end?: { readonly line: number; readonly column: number } | undefined;
  /** `services.web.ports.0`: the attribute it is about. */
  readonly path?: string | undefined;
  readonly excerpt?: Excerpt | undefined;
  /** Said right beside the caret: `did you mean "ports"?`. */
  readonly label?: string | undefined;
  readonly hint?: string | undefined;
  readonly related?: readonly RelatedPosition[] | undefined;
  readonly cause?: unknown;
}

export class ComposeError extends Error {
  readonly code: ComposeErrorCode;
  readonly position: Position | undefined;
  readonly end: { readonly line: number; readonly column: number } | undefined;
  readonly path: string | undefined;
  readonly excerpt: Excerpt | undefined;
  readonly label: string | undefined;
  readonly hint: string | undefined;
  readonly related: readonly RelatedPosition[];

  constructor(code: ComposeErrorCode, message: string, options: ComposeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ComposeError';
    this.code = code;
    this.position = options.position;
    this.end = options.end;
    this.path = options.path;
    this.excerpt = options.excerpt;
    this.label = options.label;
    this.hint = options.hint;
    this.related = options.related ?? [];
  }
}

/** Something that is probably not what the user wanted, but no reason to stop. */
export interface Warning {
  readonly message: string;
  readonly position?: Position;
}

export interface FoundBeside {
  readonly omitted?: number;
  readonly warnings?: readonly Warning[];
}

/** Several findings of one run, in the order of their positions. */
export class ComposeErrors extends AggregateError {
  override readonly errors: ComposeError[];
  /** How many more there were: a screen full of errors helps nobody. */
  readonly omitted: number;
  /** What was found before the errors stopped the run. */
  readonly warnings: readonly Warning[];

  constructor(errors: readonly ComposeError[], { omitted = 0, warnings = [] }: FoundBeside = {}) {
    super(errors, errors.map((error) => error.message).join('\n'));
    this.name = 'ComposeErrors';
    this.errors = [...errors];
    this.omitted = omitted;
    this.warnings = warnings;
  }
}

/** The findings in what loading or executing threw, or null when it is no error of ours. */
export function composeErrorsOf(error: unknown): readonly ComposeError[] | null {
  if (error instanceof ComposeError) return [error];
  if (error instanceof ComposeErrors) return error.errors;
  return null;
}

/** What goes with the findings of composeErrorsOf: how many were left out, and the warnings before them. */
export function foundBeside(error: unknown): Required<FoundBeside> {
  if (error instanceof ComposeErrors) return { omitted: error.omitted, warnings: error.warnings };
  return { omitted: 0, warnings: [] };
}

/** Findings at one place keep the order in which they were found; those without a place come first. */
export function sortByPosition(errors: readonly ComposeError[]): ComposeError[] {
  const key = ({ position }: ComposeError): [string, number, number] =>
    position === undefined ? ['', 0, 0] : [position.file, position.line, position.column];
  return [...errors].sort((left, right) => {
    const [leftFile, leftLine, leftColumn] = key(left);
    const [rightFile, rightLine, rightColumn] = key(right);
    if (leftFile !== rightFile) return leftFile < rightFile ? -1 : 1;
    return leftLine - rightLine || leftColumn - rightColumn;
  });
}

/** One finding as the lines a terminal shows: what, where, the line with a caret, what to do. */
export function formatComposeError(error: ComposeError): string {
  const lines = [`error[${error.code}]: ${error.message}`];
  const { position, excerpt } = error;
  const gutter = ' '.repeat(String(excerpt?.line ?? position?.line ?? 0).length);
  if (position !== undefined) {
    lines.push(`${gutter} --> ${position.file}:${position.line}:${position.column}`);
  }
  if (excerpt !== undefined) lines.push(...excerptLines(excerpt, error.label, gutter));
  for (const { message, position: at } of error.related) {
    lines.push(`${gutter} = ${message} ${at.file}:${at.line}:${at.column}`);
  }
  if (excerpt === undefined && error.label !== undefined) {
    lines.push(`${gutter} = ${error.label}`);
  }
  if (error.hint !== undefined) lines.push(`${gutter} = hint: ${error.hint}`);
  return lines.map(printable).join('\n');
}

/** A file's control characters must not steer the terminal that shows them; each stays one column wide. */
function printable(line: string): string {
  return line.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, (character) =>
    character === '\t' ? character : '\ufffd',
  );
}

function excerptLines(excerpt: Excerpt, label: string | undefined, gutter: string): string[] {
  const number = (line: number): string => String(line).padStart(gutter.length + 1);
  // A tab is one column wide in the caret line as well, whatever width the terminal gives it.
  const indent = excerpt.text.slice(0, excerpt.column - 1).replaceAll(/[^\t]/g, ' ');
  const caret = '^'.repeat(Math.max(1, excerpt.length));
  const before = excerpt.before === null ? [] : [`${number(excerpt.line - 1)} | ${excerpt.before}`];
  return [
    `${gutter}  |`,
    ...before,
    `${number(excerpt.line)} | ${excerpt.text}`,
    `${gutter}  | ${indent}${caret}${label === undefined ? '' : ` ${label}`}`,
  ];
}
