import { readdirSync, readlinkSync } from 'node:fs';
import { SyscallError, type Fd } from '../../../native/index.ts';

/** The errno of what `call` throws. */
export function errnoOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof SyscallError) return error.errno;
    throw error;
  }
  return 'none';
}

export async function errnoOfAsync(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof SyscallError) return error.errno;
    throw error;
  }
  return 'none';
}

/** What this process has open, for `newDescriptors`. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      return [`${name} ${readlinkSync(`/proc/self/fd/${name}`)}`];
    } catch {
      // The descriptor that read the directory itself.
      return [];
    }
  });
}

/** What is open now and was not before. */
export function newDescriptors(before: readonly string[]): string[] {
  return openDescriptors().filter((descriptor) => !before.includes(descriptor));
}

export function fdLink(fd: Fd): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}
