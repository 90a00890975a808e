/** Every way a network operation can fail that is not a bug; the engine maps each to the kind of its API. */
export type NetworkErrorCode =
  | 'invalid-argument'
  | 'network-not-found'
  | 'name-in-use'
  | 'network-in-use'
  | 'subnet-overlap'
  | 'subnets-exhausted'
  | 'address-in-use'
  | 'address-not-in-subnet'
  | 'addresses-exhausted'
  | 'network-full'
  | 'port-in-use'
  | 'ports-exhausted'
  | 'sandbox-exists'
  | 'sandbox-not-found'
  | 'unsupported'
  | 'kernel';

/** Names and numbers of the things an error is about, for machines; the message already says them. */
export type NetworkErrorFields = Readonly<Record<string, string | number>>;

export interface NetworkErrorOptions {
  readonly code: NetworkErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly fields?: NetworkErrorFields;
  readonly cause?: unknown;
}

export class NetworkError extends Error {
  readonly code: NetworkErrorCode;
  readonly hint: string | undefined;
  readonly fields: NetworkErrorFields;

  constructor({ code, message, hint, fields = {}, cause }: NetworkErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'NetworkError';
    this.code = code;
    this.hint = hint;
    this.fields = fields;
  }
}

export function isNetworkError(
  error: unknown,
  ...codes: readonly NetworkErrorCode[]
): error is NetworkError {
  return error instanceof NetworkError && (codes.length === 0 || codes.includes(error.code));
}
