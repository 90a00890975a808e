import { constants } from 'node:os';

/** What the addon throws: the call that failed and the kernel's number for the reason. */
export interface Failure {
  readonly call: string;
  readonly errno: number;
}

/** A system call failed: which one, why ("ENOSPC"), and what it was to achieve ("open "/x""). */
export class SyscallError extends Error {
  readonly call: string;
  readonly errno: string;
  readonly purpose: string;

  constructor({ call, errno, purpose }: { call: string; errno: string; purpose: string }) {
    super(`${purpose}: ${call}(2): ${errno}`);
    this.name = 'SyscallError';
    this.call = call;
    this.errno = errno;
    this.purpose = purpose;
  }
}

export function isSyscallError(
  error: unknown,
  ...errnos: readonly string[]
): error is SyscallError {
  return error instanceof SyscallError && (errnos.length === 0 || errnos.includes(error.errno));
}

/** Runs one call of the addon; its failure becomes a SyscallError, a TypeError of ours stays one. */
export function attempt<T>(purpose: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toSyscallError(error, purpose);
  }
}

export async function attemptAsync<T>(purpose: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toSyscallError(error, purpose);
  }
}

/** "ENOENT" for 2; a number no table knows becomes "E4095". */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`;
}

function toSyscallError(error: unknown, purpose: string): unknown {
  if (!isFailure(error)) return error;
  return new SyscallError({ call: error.call, errno: errnoName(error.errno), purpose });
}

function isFailure(error: unknown): error is Failure {
  return (
    typeof error === 'object' &&
    error !== null &&
    !(error instanceof Error) &&
    'call' in error &&
    'errno' in error
  );
}

// Not in Node's table, but returned by calls of ours (asm-generic/errno.h).
const extra: readonly (readonly [string, number])[] = [
  ['ENOTUNIQ', 76],
  ['EUSERS', 87],
  ['ESOCKTNOSUPPORT', 94],
  ['EPFNOSUPPORT', 96],
  ['ESHUTDOWN', 108],
  ['EHOSTDOWN', 112],
  ['EREMOTEIO', 121],
  ['ENOMEDIUM', 123],
  ['EKEYEXPIRED', 127],
];

const names: ReadonlyMap<number, string> = buildNames();

function buildNames(): Map<number, string> {
  const found = new Map<number, string>();
  for (const [name, value] of [...Object.entries(constants.errno), ...extra]) {
    // EAGAIN and EWOULDBLOCK, EOPNOTSUPP and ENOTSUP are one number each: the kernel's spelling wins.
    if (name !== 'EWOULDBLOCK' && name !== 'ENOTSUP') found.set(value, name);
  }
  return found;
}
