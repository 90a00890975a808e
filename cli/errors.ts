/** Whatever a command threw → the text a person reads, and the exit code. */
import { constants } from 'node:os';
import { inspect } from 'node:util';
import { CliError } from './cli-error.ts';
import { Interrupted } from './signals.ts';
import type { Style } from './ui/style.ts';

export interface Failure {
  /** Lines for standard error, each with its newline; empty when there is nothing to say. */
  readonly text: string;
  /** The same without its dressing, for --progress json. */
  readonly message: string;
  readonly exitCode: number;
}

/** Only the failing path pays for loading the error classes of the areas. */
export async function describeFailure(error: unknown, style: Style): Promise<Failure> {
  if (error instanceof Interrupted) return { text: '', message: '', exitCode: error.exitCode };
  const { composeErrorsOf, formatComposeError, foundBeside } = await import('../compose/index.ts');
  const findings = composeErrorsOf(error);
  if (findings !== null) {
    const texts = findings.map((finding) => {
      const [head = '', ...rest] = formatComposeError(finding).split('\n');
      return [style.red(head), ...rest, ...causesOf(finding)].map((line) => `${line}\n`).join('');
    });
    const message = findings.map((finding) => finding.message).join('\n');
    const { omitted } = foundBeside(error);
    if (omitted > 0) texts.push(`and ${omitted} more: correct these first\n`);
    return { text: texts.join('\n'), message, exitCode: 1 };
  }
  if (error instanceof AggregateError) return describeAll(error, style);
  return describeOne(error, style);
}

/** With `--format json`: one document, whatever failed; compose/docs/errors/README.md describes it. */
export async function failureJson(error: unknown, { message }: Failure): Promise<string> {
  const { composeErrorsOf, errorJson, foundBeside, warningJson } =
    await import('../compose/index.ts');
  const findings = composeErrorsOf(error);
  const { omitted, warnings } = foundBeside(error);
  // What is no mistake in a file has no code of ours and no place.
  const errors = findings?.map(errorJson) ?? [{ ...nowhere, message, ...hintOf(error) }];
  return `${JSON.stringify({ errors, omitted, warnings: warnings.map(warningJson) })}\n`;
}

const nowhere = {
  code: null,
  message: '',
  file: null,
  line: null,
  column: null,
  endLine: null,
  endColumn: null,
  path: null,
  label: null,
  hint: null,
  related: [],
  docs: null,
} as const;

function hintOf(error: unknown): { readonly hint: string | null } {
  return { hint: error instanceof CliError ? (error.hint ?? null) : null };
}

async function describeAll({ errors }: AggregateError, style: Style): Promise<Failure> {
  const failures = await Promise.all(
    (errors as readonly unknown[]).map((error) => describeFailure(error, style)),
  );
  return {
    text: failures.map(({ text }) => text).join(''),
    message: failures.map(({ message }) => message).join('\n'),
    exitCode: Math.max(1, ...failures.map(({ exitCode }) => exitCode)),
  };
}

async function describeOne(error: unknown, style: Style): Promise<Failure> {
  const { EngineError } = await import('../engine/api/index.ts');
  const isKnown = error instanceof CliError || error instanceof EngineError;
  if (!isKnown && !isSystemError(error)) return describeBug(error, style);
  const lines = [`${style.red('error:')} ${error.message}`];
  if ('hint' in error && error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  lines.push(...causesOf(error));
  return {
    text: lines.map((line) => `${line}\n`).join(''),
    message: error.message,
    exitCode: error instanceof CliError ? error.exitCode : 1,
  };
}

/** Everything else is our mistake: no hint pretends that the user could have helped it. */
function describeBug(error: unknown, style: Style): Failure {
  const isError = error instanceof Error;
  const message = isError ? error.message : inspect(error);
  const stack = (isError ? error.stack : undefined) ?? message;
  const lines = [
    `${style.red('internal error:')} ${stack}`,
    ...causesOf(error),
    'This is a mistake in tscompose, not in what you did. Please report the lines above, with what',
    '`tscompose version` prints and the command that you ran.',
  ];
  return {
    text: lines.map((line) => `${line}\n`).join(''),
    message: `internal error: ${message}`,
    exitCode: 1,
  };
}

/** A full disk or a closed terminal is neither the user's nor our mistake. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof syscall === 'string' && code !== undefined && code in constants.errno;
}

/** A cause that its effect already quotes would be read twice. */
function causesOf(error: unknown): string[] {
  const lines: string[] = [];
  let current = error;
  while (current instanceof Error && current.cause !== undefined) {
    const { cause } = current;
    const text = cause instanceof Error ? cause.message : inspect(cause);
    if (text !== '' && !current.message.includes(text)) lines.push(`caused by: ${text}`);
    current = cause;
  }
  return lines;
}
