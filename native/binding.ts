import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Fd } from './fd.ts';

/** The functions of addon.node as C exports them: positional arguments, a thrown `Failure` for an errno. */
export interface Binding {
  close(fd: number): void;
  duplicate(fd: number): Fd;
  open(path: Bytes, flags: number, mode: number): Fd;
  socketPair(): [Fd, Fd];
  pipe(): [reader: Fd, writer: Fd];
  memfd(name: string, content: Uint8Array, isExecutable: boolean): Fd;
  lock(fd: number): boolean;
  syncFs(fd: number): Promise<void>;
  watch(fd: number, callback: () => void): object;
  unwatch(handle: object): void;

  spawn(file: string, args: string[], env: string[], fds: number[]): [pid: number, pidfd: Fd];
  spawnLater(
    file: string,
    args: string[],
    env: string[],
    fds: number[],
  ): Promise<[pid: number, pidfd: Fd]>;
  pidfdOpen(pid: number): Fd;
  pidfdSignal(pidfd: number, signal: number): void;
  coreCookie(): void;
  pidfdReap(pidfd: number): [code: number, status: number] | null;

  createNetns(path: string): Promise<Fd>;
  nameNetns(netns: number, path: string): void;
  openNetns(path: string): Fd;
  removeNetns(path: string): void;
  openSocket(
    netns: number,
    domain: number,
    type: number,
    protocol: number,
    address: string,
    port: number,
    backlog: number,
    reuseAddress: boolean,
  ): Promise<Fd>;
  socketPort(fd: number): number;
  writeSysctl(netns: number, name: string, value: string): Promise<void>;
  readSysctl(netns: number, name: string): Promise<Buffer>;

  netlink(fd: number, request: Uint8Array, until: number): Promise<Buffer>;
  netlinkSync(fd: number, request: Uint8Array, until: number): Buffer;

  mount(source: string, target: string, type: string, flags: number, data: string): void;
  unmount(target: string, flags: number): void;
  mountLater(
    source: string,
    target: string,
    type: string,
    flags: number,
    data: string,
  ): Promise<void>;
  createUserNamespace(uidMap: string, gidMap: string): Fd;
  reachOfOwners(path: string, space: number, isRecursive: boolean): number;
  overlayView(lowerDirs: string[], target: string): void;
  openOverlayView(lowerDirs: string[]): Fd;

  openAt(dir: number, path: Bytes, flags: number, mode: number): Fd;
  mkdirAt(dir: number, path: Bytes, mode: number): void;
  symlinkAt(target: Bytes, dir: number, path: Bytes): void;
  linkAt(fromDir: number, from: Bytes, toDir: number, to: Bytes): void;
  mknodAt(dir: number, path: Bytes, mode: number, major: number, minor: number): void;
  unlinkAt(dir: number, path: Bytes, isDirectory: boolean): void;
  renameAt(fromDir: number, from: Bytes, toDir: number, to: Bytes, flags: number): void;
  readlinkAt(dir: number, path: Bytes): Buffer;
  statAt(dir: number, path: Bytes, followLast: boolean): BigInt64Array;
  readDirectory(fd: number): Buffer;
  chownAt(dir: number, path: Bytes, uid: number, gid: number): void;
  chmodAt(dir: number, path: Bytes, mode: number): void;
  utimesAt(dir: number, path: Bytes, times: BigInt64Array): void;
  setXattrAt(dir: number, path: Bytes, name: string, value: Uint8Array): void;
  getXattrsAt(dir: number, path: Bytes): [name: string, value: Buffer][];
  removeTree(dir: number, path: Bytes): Promise<void>;
  copyTree(from: number, to: number): Promise<[bytes: number, files: number]>;
  labelTree(top: number, name: string, value: string, trustsTop: boolean): Promise<void>;
  openContainerRoot(
    texts: string[],
    numbers: number[],
    inherited: number,
  ): Promise<[root: Fd, space: Fd]>;
  isReadonly(fd: number): boolean;
  closeLater(fds: number[]): Promise<void>;
  diskUsage(fd: number): Promise<[bytes: number, files: number]>;

  connectUnix(path: string): Fd;
  connectUnixDatagram(path: string): Fd;
  listenUnix(path: string, backlog: number): Fd;
  send(socket: number, bytes: Uint8Array, fds: number[]): number;
  receive(socket: number, maxBytes: number): [bytes: Buffer, fds: Fd[]] | null;

  loadDeviceProgram(instructions: Uint8Array): Fd;
  attachDeviceProgram(cgroup: number, program: number): void;
}

/** A path or name as the kernel sees it: file names are bytes, and not all of them are UTF-8. */
export type Bytes = string | Uint8Array;

let loaded: Binding | undefined;

/** Loaded at the first call and not at import, so that pure code can import this door where nothing was built. */
export function binding(): Binding {
  loaded ??= createRequire(import.meta.url)(findBuilt('addon.node')) as Binding;
  return loaded;
}

/** Absolute path of one output of `make -C native`. */
export function findBuilt(name: string): string {
  const tried = candidates.map((folder) => fileURLToPath(new URL(folder + name, import.meta.url)));
  const found = tried.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    `"${name}" was not built; tried ${tried.join(', ')}; run "node native/build.mjs" in the package's folder`,
  );
}

// This file is native/binding.ts in the source tree, dist/native/binding.js when compiled, and a part of
// dist/bin/*.cjs when bundled.
const candidates: readonly string[] = ['./build/', '../../native/build/', '../native/build/'];
