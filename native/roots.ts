import { binding } from './binding.ts';
import { attempt, attemptAsync } from './errors.ts';
import type { Fd } from './fd.ts';

/** A part of a container's files; the first one of a root is what the others are mounted on. */
export type RootPart =
  | {
      readonly kind: 'overlay';
      readonly target: string;
      /** Empty together with the work directory: nothing can be written. */
      readonly upperDir: string;
      readonly workDir: string;
      /** Topmost first. */
      readonly lowerDirs: readonly string[];
      readonly options: readonly (readonly [key: string, value: string])[];
      readonly isReadonly: boolean;
    }
  | {
      readonly kind: 'bind';
      readonly target: string;
      /** A host path that only the engine or its user writes to. */
      readonly source: string;
      /** Below the source, looked up by descriptor: EXDEV where it leads out of it. */
      readonly subpath?: string;
      readonly isReadonly: boolean;
      readonly isRecursive: boolean;
      /** What is mounted below stays writable. */
      readonly isReadonlyTop?: boolean;
      /** Shows its files with these owners; stays open until the root is made. */
      readonly owners?: { readonly space: Fd; readonly isTopOnly: boolean };
      readonly create: 'nothing' | 'directory' | 'file';
    }
  /** What the namespace has mounted at `target`; read-only in any case where it is that there. */
  | { readonly kind: 'inherited'; readonly target: string; readonly isReadonly: boolean };

export interface ContainerRoot {
  /** A directory; what is looked up below it crosses into the mounts. */
  readonly root: Fd;
  /** The mount namespace that holds them, in which no process is. */
  readonly namespace: Fd;
}

// Order and values of native/addon/root.c.
const kinds = { overlay: 0, bind: 1, inherited: 2 } as const;
const reach = { recursive: 1, readonlyTop: 2, ownersTop: 4 } as const;
const creations = { nothing: 0, directory: 1, file: 2 } as const;
const MOUNT_ATTR_RDONLY = 1;

/**
 * Mounts the parts in a mount namespace of their own, without devices, set-id bits and programs. The mounts end when
 * both descriptors are closed, by `closeLater`. `from` is a mount namespace for parts of the kind "inherited". Targets
 * are looked up below the root, and made there where the part says so.
 */
export async function openContainerRoot(
  parts: readonly RootPart[],
  from: Fd | null = null,
): Promise<ContainerRoot> {
  const texts = parts.flatMap(textsOf);
  const numbers = parts.flatMap(numbersOf);
  const [root, namespace] = await attemptAsync('mount the files of a container', () =>
    binding().openContainerRoot(texts, numbers, from ?? -1),
  );
  return { root, namespace };
}

function textsOf(part: RootPart): readonly string[] {
  switch (part.kind) {
    case 'overlay':
      return [part.target, part.upperDir, part.workDir, ...part.lowerDirs, ...part.options.flat()];
    case 'bind':
      return [part.target, part.source, part.subpath ?? ''];
    case 'inherited':
      return [part.target];
  }
}

function numbersOf(part: RootPart): readonly number[] {
  const kind = kinds[part.kind];
  const attributes = part.isReadonly ? MOUNT_ATTR_RDONLY : 0;
  if (part.kind === 'inherited') return [kind, attributes, 0, 0, 0, 0, 0];
  if (part.kind === 'overlay')
    return [kind, attributes, 0, 0, part.lowerDirs.length, part.options.length, 0];
  const { create, owners } = part;
  return [kind, attributes, creations[create], reachOf(part), 0, 0, owners?.space ?? 0];
}

function reachOf({
  isRecursive,
  isReadonlyTop,
  owners,
}: Extract<RootPart, { kind: 'bind' }>): number {
  return (
    (isRecursive ? reach.recursive : 0) |
    (isReadonlyTop === true ? reach.readonlyTop : 0) |
    (owners?.isTopOnly === true ? reach.ownersTop : 0)
  );
}

/** Whether nothing can be written below `fd`, for whatever reason: its mount's or its file system's. */
export function isReadonlyAt(fd: Fd): boolean {
  return attempt(`read the mount of descriptor ${fd}`, () => binding().isReadonly(fd));
}

/** Closes them off the event loop: the last descriptor of a mount may wait for a disk. */
export async function closeLater(fds: readonly Fd[]): Promise<void> {
  await attemptAsync('close descriptors', () => binding().closeLater([...fds]));
}
