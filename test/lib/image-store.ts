/** An image store of its own for one test, and ways to look at what it made. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import {
  ImageStore,
  Snapshots,
  type ImageStoreOptions,
  type SnapshotMount,
} from '../../engine/images/index.ts';
import { createLayout, prepareLayout, type Layout } from '../../engine/store/index.ts';
import { chunks } from './tar-builder.ts';
import { tempDir } from './temp-dir.ts';

export interface TestStore extends AsyncDisposable {
  readonly path: string;
  readonly layout: Layout;
  readonly images: ImageStore;
  readonly snapshots: Snapshots;
}

type Options = Partial<Omit<ImageStoreOptions, 'layout'>>;

export async function testStore(options: Options = {}): Promise<TestStore> {
  const dir = await tempDir();
  const opened = await openStore(dir.path, options);
  return {
    path: dir.path,
    ...opened,
    [Symbol.asyncDispose]: async () => {
      await opened.snapshots.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

export async function openStore(
  path: string,
  options: Options = {},
): Promise<Pick<TestStore, 'layout' | 'images' | 'snapshots'>> {
  const layout = createLayout({ stateRoot: join(path, 'state'), runRoot: join(path, 'run') });
  await prepareLayout(layout);
  const images = await ImageStore.open({ layout, ...options });
  const snapshots = await Snapshots.open({ layout, layers: images.layers });
  return { layout, images, snapshots };
}

export function stream(bytes: Buffer): AsyncIterable<Buffer> {
  return chunks(bytes, 64 * 1024);
}

/** Mounts a prepared root in a mount namespace that ends with the command, and runs it there below that root. */
export function runInRoot(
  mounts: readonly SnapshotMount[],
  target: string,
  argv: readonly string[],
): string {
  const script = [
    'set -e',
    ...mounts.map((mount) => mountCommand(mount, target)),
    `exec chroot ${target} "$@"`,
  ].join('\n');
  return execFileSync(
    'unshare',
    ['--mount', '--pid', '--fork', 'sh', '-c', script, 'sh', ...argv],
    {
      encoding: 'utf8',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/root' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
}

function mountCommand(mount: SnapshotMount, target: string): string {
  const place = join(target, mount.target);
  if (mount.kind === 'bind') return `mount --bind -o ro ${mount.source} ${place}`;
  const { lowerDirs, upperDir, workDir, data } = mount;
  const options = `lowerdir=${lowerDirs.join(':')},upperdir=${upperDir},workdir=${workDir},${data}`;
  return `mount -t overlay overlay -o ${options} ${place}`;
}
