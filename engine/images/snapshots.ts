/**
 * Active snapshots: the writable side of a container's root, `active/<container id>/{upper,work}`, and read-only
 * views of images. Directories only; the shim does the mounting, inside the container's mount namespace.
 */
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  MNT_DETACH,
  MS_BIND,
  MS_NODEV,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  O_DIRECTORY,
  O_NONBLOCK,
  O_RDONLY,
  closeFd,
  diskUsage,
  isSyscallError,
  makeDirectoryAt,
  mount,
  mountOverlayView,
  openAt,
  openRoot,
  removeTreeAt,
  renameAt,
  statAt,
  unlinkAt,
  unmount,
  type Fd,
} from '../../native/index.ts';
import { EngineError } from '../api/index.ts';
import type { Layout } from '../store/index.ts';
import type { Problem } from './catalog.ts';
import { readStart } from './descriptor-io.ts';
import { emptyDirectory, type LayerStore } from './layer-store.ts';
import type { Digest, HostParts, Image, SnapshotMount } from './model.ts';
import { SnapshotPool, type SnapshotShape } from './snapshot-pool.ts';

export interface SnapshotsOptions {
  readonly layout: Pick<Layout, 'snapshots' | 'temporary'>;
  readonly layers: LayerStore;
  /** Told of a removed snapshot whose files could not be deleted; the next start tries again. */
  readonly report?: (problem: Problem) => void;
}

export interface PreparedSnapshot {
  /** Root first. */
  readonly mounts: readonly SnapshotMount[];
}

/** Longer files of an image are not read into memory (CVE-2026-47262: an endless /etc/group). */
const mostFileBytes = 1 << 20;

export class Snapshots {
  readonly #layers: LayerStore;
  readonly #pool: SnapshotPool;
  readonly #active: string;
  readonly #removed: string;
  readonly #views: string;
  readonly #activeFd: Fd;
  readonly #removedFd: Fd;
  readonly #files = new Map<string, string | null>();
  readonly #report: (problem: Problem) => void;
  readonly #removals = new Set<Promise<void>>();
  #sequence = 0;

  private constructor({ layout, layers, report }: SnapshotsOptions) {
    this.#layers = layers;
    this.#report = report ?? (() => undefined);
    this.#pool = new SnapshotPool(join(layout.snapshots, 'pool'));
    this.#active = join(layout.snapshots, 'active');
    this.#removed = join(layout.temporary, 'snapshots');
    this.#views = join(layout.temporary, 'views');
    this.#activeFd = openRoot(this.#active);
    this.#removedFd = openRoot(this.#removed);
  }

  static async open(options: SnapshotsOptions): Promise<Snapshots> {
    const { snapshots, temporary } = options.layout;
    const views = join(temporary, 'views');
    const directories = [join(snapshots, 'active'), join(temporary, 'snapshots'), views];
    for (const path of directories) await mkdir(path, { recursive: true, mode: 0o700 });
    await unmountBelow(views);
    await emptyDirectory(views);
    await emptyDirectory(join(temporary, 'snapshots'));
    return new Snapshots(options);
  }

  /** Makes the container's own directories; a second call finds them with what the container wrote. */
  async prepare(containerId: string, image: Image): Promise<PreparedSnapshot> {
    const mounts = this.#mountsOf(containerId, image);
    if (!this.#exists(containerId)) await this.#make(containerId, image);
    return { mounts };
  }

  /** Gets directories ready for containers of this image, when the engine has nothing else to do. */
  expect(image: Image): void {
    this.#pool.expect(this.#shapeOf(image));
  }

  /**
   * A missing one is no error. Resolves when the snapshot is out of its place for good; its files are deleted in the
   * background, because a disk that is busy takes tens of milliseconds for that, and nobody waits for them.
   */
  remove(containerId: string): Promise<void> {
    return new Promise((resolve) => {
      const removal = this.#takeOut(containerId);
      if (removal !== null) {
        this.#removals.add(removal);
        void removal.finally(() => this.#removals.delete(removal));
      }
      resolve();
    });
  }

  /** Bytes that the container has written; 0 for one that has no snapshot. */
  async usage(containerId: string): Promise<number> {
    if (!this.#exists(containerId)) return 0;
    const directory = openAt(this.#activeFd, containerId, { flags: O_RDONLY | O_DIRECTORY });
    try {
      return (await diskUsage(directory)).bytes;
    } finally {
      closeFd(directory);
    }
  }

  /** Removes the snapshots of containers that are no more; returns their ids. */
  async sweep(containerIds: ReadonlySet<string>): Promise<readonly string[]> {
    const names = (await readdir(this.#active)).filter((name) => !containerIds.has(name));
    for (const name of names) await this.remove(name);
    return names;
  }

  /** The image's tree as a container would first see it, for reading only and for as long as `use` runs. */
  async view<T>(image: Image, use: (root: Fd) => T | Promise<T>): Promise<T> {
    const lowerDirs = this.#layers.lowerDirs(image.chain.at(-1) ?? null);
    if (image.host !== null) return await this.#viewHost(lowerDirs, image.host, use);
    const root = this.#openView(lowerDirs);
    try {
      return await use(root);
    } finally {
      closeFd(root);
    }
  }

  /** The image's layers, topmost first; they stay for as long as the image does. */
  lowerDirs(image: Image): readonly string[] {
    return this.#layers.lowerDirs(image.chain.at(-1) ?? null);
  }

  /** A small text file of the image; null if there is no such file. Remembered, as an image never changes. */
  async readFile(image: Image, path: string): Promise<string | null> {
    const key = `${image.id}\n${path}`;
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    const content = await this.view(image, (root) => readText(root, path));
    if (this.#files.size >= 256) this.#files.clear();
    this.#files.set(key, content);
    return content;
  }

  /** Waits for the deletions under way. */
  async close(): Promise<void> {
    await Promise.all(this.#removals);
    this.#pool.close();
    closeFd(this.#activeFd);
    closeFd(this.#removedFd);
  }

  /** The deletion of what was taken out; null if there was nothing. */
  #takeOut(containerId: string): Promise<void> | null {
    const removed = (this.#sequence += 1).toString(36);
    try {
      renameAt(this.#activeFd, { from: containerId, to: removed, toDir: this.#removedFd });
    } catch (error) {
      if (isSyscallError(error, 'ENOENT')) return null;
      throw error;
    }
    return this.#delete(removed);
  }

  /** Never rejects. */
  async #delete(name: string): Promise<void> {
    try {
      await removeTreeAt(this.#removedFd, name);
    } catch (error) {
      this.#report({ what: join(this.#removed, name), reason: (error as Error).message });
    }
  }

  #exists(containerId: string): boolean {
    try {
      statAt(this.#activeFd, containerId);
      return true;
    } catch (error) {
      if (isSyscallError(error, 'ENOENT')) return false;
      throw error;
    }
  }

  /** What a crash left half made goes first. */
  async #make(containerId: string, image: Image): Promise<void> {
    try {
      this.#pool.place(this.#shapeOf(image), this.#activeFd, containerId);
    } catch (error) {
      if (!isSyscallError(error, 'EEXIST')) throw error;
      await removeTreeAt(this.#activeFd, `${containerId}~`);
      this.#pool.place(this.#shapeOf(image), this.#activeFd, containerId);
    }
  }

  #shapeOf({ chain, host }: Image): SnapshotShape {
    const top: Digest | undefined = chain.at(-1);
    const layer = top === undefined ? null : this.#layers.get(top);
    return {
      root: layer?.root ?? { mode: 0o755, uid: 0, gid: 0 },
      parts: (host?.overlays ?? []).map(([, target]) => partName(target)),
    };
  }

  #mountsOf(containerId: string, image: Image): readonly SnapshotMount[] {
    const directory = join(this.#active, containerId);
    const root = overlay('/', {
      lowerDirs: this.#layers.lowerDirs(image.chain.at(-1) ?? null),
      upperDir: join(directory, 'upper'),
      workDir: join(directory, 'work'),
    });
    const { overlays = [], binds = [] } = image.host ?? {};
    return [
      root,
      ...overlays.map(([source, target]) =>
        overlay(target, {
          lowerDirs: [source],
          upperDir: join(directory, `${partName(target)}-upper`),
          workDir: join(directory, `${partName(target)}-work`),
        }),
      ),
      ...binds.map(([source, target]) => readonlyBind(source, target)),
    ];
  }

  /** One layer needs no mount. Several are mounted for the moment it takes to open them; the descriptor keeps them. */
  #openView(lowerDirs: readonly string[]): Fd {
    const [only, ...others] = lowerDirs;
    if (only === undefined)
      throw new EngineError('internal', 'an image without layers has no view');
    if (others.length === 0) return openRoot(only);
    const { target, release } = this.#makeView();
    try {
      mountOverlayView({ lowerDirs, target });
      try {
        return openRoot(target);
      } finally {
        unmount(target, MNT_DETACH);
      }
    } finally {
      release();
    }
  }

  /** The host's parts are mounts below the root, and a lazily unmounted tree would lose them: so it stays mounted. */
  async #viewHost<T>(
    lowerDirs: readonly string[],
    host: HostParts,
    use: (root: Fd) => T | Promise<T>,
  ): Promise<T> {
    const { target, release } = this.#makeView();
    const mounted: string[] = [];
    const parts = [...lowerDirs.map((dir) => [dir, '/'] as const), ...host.overlays, ...host.binds];
    try {
      for (const [source, place] of parts) {
        const path = join(target, place);
        mount({ source, target: path, flags: MS_BIND });
        mounted.unshift(path);
        // On a host whose mounts are shared the parts below would appear where this one comes from as well, and the same
        // unmount would be asked for twice (mount_namespaces(7), "Propagation type transitions").
        mount({ source: '', target: path, flags: MS_PRIVATE });
      }
      const root = openRoot(target);
      try {
        return await use(root);
      } finally {
        closeFd(root);
      }
    } finally {
      for (const path of mounted) unmount(path, MNT_DETACH);
      release();
    }
  }

  #makeView(): { readonly target: string; readonly release: () => void } {
    const name = `v${(this.#sequence += 1).toString(36)}`;
    const views = openRoot(this.#views);
    try {
      makeDirectoryAt(views, name, 0o700);
    } catch (error) {
      closeFd(views);
      throw error;
    }
    const release = (): void => {
      try {
        unlinkAt(views, name, { isDirectory: true });
      } finally {
        closeFd(views);
      }
    };
    return { target: join(this.#views, name), release };
  }
}

/** "/usr" → "usr": a name that no other part has. */
function partName(target: string): string {
  return target.slice(1).replaceAll('/', '-');
}

function overlay(
  target: string,
  directories: Pick<SnapshotMount, 'lowerDirs' | 'upperDir' | 'workDir'>,
): SnapshotMount {
  return {
    kind: 'overlay',
    target,
    source: '',
    ...directories,
    flags: 0,
    propagation: 0,
    // What a distribution may have switched on: the upper directory must stay a plain difference that can be
    // read without the mount (overlayfs.rst, "Renaming directories", "Metadata only copy up").
    data: 'index=off,redirect_dir=off,metacopy=off',
    create: 'nothing',
  };
}

function readonlyBind(source: string, target: string): SnapshotMount {
  return {
    kind: 'bind',
    target,
    source,
    lowerDirs: [],
    upperDir: '',
    workDir: '',
    flags: MS_RDONLY | MS_NOSUID | MS_NODEV,
    propagation: 0,
    data: '',
    create: 'nothing',
  };
}

/** A FIFO or a device in place of the file is "no such file", and is never opened (CVE-2024-9676). */
function readText(root: Fd, path: string): string | null {
  if (!isFile(root, path)) return null;
  const fd = openAt(root, path, { flags: O_RDONLY | O_NONBLOCK });
  try {
    const bytes = readStart(fd, mostFileBytes);
    if (bytes.length > mostFileBytes)
      throw new EngineError(
        'invalid-argument',
        `"${path}" of the image has more than ${mostFileBytes} bytes`,
      );
    return bytes.toString();
  } finally {
    closeFd(fd);
  }
}

function isFile(root: Fd, path: string): boolean {
  try {
    return statAt(root, path, { followLast: true }).type === 'file';
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return false;
    throw error;
  }
}

/** Mounts that a killed engine left, innermost first: proc_pid_mountinfo(5), field 5, octal escapes. */
async function unmountBelow(directory: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) => path.replace(/\\([0-7]{3})/g, (_, octal: string) => fromOctal(octal)))
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of mounts.reverse()) unmount(path, MNT_DETACH);
}

function fromOctal(digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}
