import { binding } from './binding.ts';
import { attempt, attemptAsync } from './errors.ts';
import type { Fd } from './fd.ts';

export interface MountRequest {
  readonly source: string;
  /** A host path that only the engine writes to. */
  readonly target: string;
  /** File system type; empty for a bind mount or a remount. */
  readonly type?: string;
  /** MS_* bits. */
  readonly flags?: number;
  /** Options; at most one page, which is checked because the kernel cuts off the rest without an error. */
  readonly data?: string;
}

export function mount({ source, target, type = '', flags = 0, data = '' }: MountRequest): void {
  attempt(`mount "${source}" on "${target}"`, () => {
    binding().mount(source, target, type, flags, data);
  });
}

/** The same, off the event loop: a server or a disk may take its time. */
export async function mountLater(request: MountRequest): Promise<void> {
  const { source, target, type = '', flags = 0, data = '' } = request;
  await attemptAsync(`mount "${source}" on "${target}"`, () =>
    binding().mountLater(source, target, type, flags, data),
  );
}

export function unmount(target: string, flags = 0): void {
  attempt(`unmount "${target}"`, () => {
    binding().unmount(target, flags);
  });
}

/** Mounts directories, topmost first, as one read-only tree on `target`. One directory alone becomes a bind mount. */
export function mountOverlayView({
  lowerDirs,
  target,
}: {
  readonly lowerDirs: readonly string[];
  readonly target: string;
}): void {
  attempt(`mount ${lowerDirs.length} layers on "${target}"`, () => {
    binding().overlayView([...lowerDirs], target);
  });
}

/**
 * The same tree attached nowhere: a directory descriptor for the functions that work below one. The mount ends with
 * it, so nothing can be left behind. Needs Linux 6.7 for more than one directory.
 */
export function openOverlayView(lowerDirs: readonly string[]): Fd {
  return attempt(`mount ${lowerDirs.length} layers`, () =>
    binding().openOverlayView([...lowerDirs]),
  );
}
