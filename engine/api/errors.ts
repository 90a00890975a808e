/** Failure classes and the HTTP status each travels as. The daemon maps kind → status, the client status → kind. */
export const statusOf = {
  'not-modified': 304,
  'invalid-argument': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  internal: 500,
  'not-implemented': 501,
  unavailable: 503,
} as const;

export type ErrorKind = keyof typeof statusOf;

export interface EngineErrorOptions {
  /** One imperative sentence with something the user can do. */
  readonly hint?: string;
  /** Names and numbers of the failure, so that nobody has to parse them out of the message. */
  readonly details?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** What the engine answers when a request fails, the same on both ends of the connection. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: ErrorKind;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, string>>;

  constructor(kind: ErrorKind, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.details !== undefined) this.details = options.details;
  }
}

/** Body of a failed request: Docker's one field, then ours, which foreign clients ignore. */
export interface ErrorBody {
  readonly message: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, string>>;
}

export function toErrorBody(error: EngineError): ErrorBody {
  return {
    message: error.message,
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(error.details !== undefined && { details: error.details }),
  };
}

/** Statuses outside the table come from other engines: their class decides. */
export function kindOf(status: number): ErrorKind {
  const entry = Object.entries(statusOf).find(([, known]) => known === status);
  if (entry !== undefined) return entry[0] as ErrorKind;
  return status >= 400 && status < 500 ? 'invalid-argument' : 'internal';
}
