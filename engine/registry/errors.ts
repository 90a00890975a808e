/** Every way in which talking to a registry can fail, as far as the caller may want to act on it. */
export const registryErrorCodes = [
  'unreachable',
  'timeout',
  'tls',
  'unauthorized',
  'denied',
  'not-found',
  'rate-limited',
  'server',
  'malformed',
  'digest-mismatch',
  'truncated',
  'too-large',
  'redirect',
  'credentials',
  'unsupported',
] as const;
export type RegistryErrorCode = (typeof registryErrorCodes)[number];

export interface RegistryErrorOptions {
  /** Status of the answer that decided it. */
  readonly status?: number | undefined;
  /** One imperative sentence with something the user can do. */
  readonly hint?: string | undefined;
  /** How long the registry asks to wait. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A registry, or the way to it, failed. Messages name hosts and repositories, never credentials or tokens. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  readonly status: number | undefined;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: RegistryErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
  }
}

const hiddenParameters = /token|sig|signature|secret|password|key|credential|policy/i;

/** An address as messages may show it: neither user information nor signed parameters of a redirect. */
export function shownUrl(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  for (const name of [...shown.searchParams.keys()]) {
    if (hiddenParameters.test(name)) shown.searchParams.set(name, '…');
  }
  return shown.href.replaceAll('%E2%80%A6', '…');
}
