/** What went wrong, in words that callers look for, and where they look for them. */
import { appendFileSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import { ShimError } from '../runtime/index.ts';

/** strerror(3), for the errors that callers tell apart by their text (podman's exit codes 126 and 127). */
const words: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EINVAL: 'invalid argument',
  ENOSPC: 'no space left on device',
  ENODEV: 'no such device',
  EBUSY: 'device or resource busy',
  ETIMEDOUT: 'timed out',
};

export function describeFailure(error: unknown): string {
  if (error instanceof ShimError) return describeShimError(error);
  if (error instanceof EngineError) {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    return `${error.message}${cause}${hint}`;
  }
  return error instanceof Error ? error.message : String(error);
}

function describeShimError({ stage, errno, path }: ShimError): string {
  const reason = words[errno] ?? errno;
  if (stage === 'exec' && errno === 'ENOENT' && !path.includes('/')) {
    return `exec "${path}": executable file not found in $PATH: ${reason}`;
  }
  if (stage === 'hook' && errno === 'ECANCELED') return `hook "${path}" failed`;
  if (stage === 'start' && errno === 'ECHILD') return 'the container ended before its program ran';
  return `${stage.replaceAll('-', ' ')}${path === '' ? '' : ` "${path}"`}: ${reason}`;
}

export interface LogTarget {
  readonly path: string | undefined;
  readonly format: string | undefined;
}

/** As logrus of Go writes it, which is what callers parse. */
export function logLine(
  level: 'error' | 'warning',
  message: string,
  format: string | undefined,
): string {
  const time = new Date().toISOString();
  return format === 'json'
    ? `${JSON.stringify({ level, msg: message, time })}\n`
    : `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(message)}\n`;
}

export function writeLog(
  { path, format }: LogTarget,
  level: 'error' | 'warning',
  message: string,
): void {
  if (path !== undefined && path !== '') appendFileSync(path, logLine(level, message, format));
}
