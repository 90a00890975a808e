export interface CliErrorOptions {
  /** One imperative sentence with something the user can do. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly exitCode?: number;
}

/** What the command line, its environment or a command's own checks find wrong. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}
