/** Why something about a volume or a mount cannot be done. The engine maps each code to a kind. */
export type VolumeErrorCode =
  | 'invalid-name'
  | 'invalid-mount'
  | 'duplicate-target'
  | 'unknown-driver'
  | 'invalid-option'
  | 'driver-mismatch'
  | 'not-found'
  | 'in-use'
  | 'mount-failed'
  | 'source-missing';

export interface VolumeErrorOptions {
  /** Names of the failure as data: volume, target, users … */
  readonly fields?: Readonly<Record<string, string>>;
  readonly hint?: string;
  readonly cause?: unknown;
}

export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  readonly code: VolumeErrorCode;
  readonly fields: Readonly<Record<string, string>>;
  readonly hint?: string;

  constructor(code: VolumeErrorCode, message: string, options: VolumeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? {};
    if (options.hint !== undefined) this.hint = options.hint;
  }
}
