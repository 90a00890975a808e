/**
 * SandboxSpec → the flat, versioned bytes that the shim maps; native/shim/spec.h has the same layout. A fixed header
 * is followed by lists (aligned to 8) and texts (each with a NUL); a reference is {offset, length or count}.
 */
import { encodeHandover, handoverBytes } from './encode-handover.ts';
import { encodeMore, hasMore, moreBytes } from './encode-more.ts';
import { attributesOf } from './mount-attributes.ts';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUTS,
} from './namespaces.ts';
import type {
  ForeignCommands,
  ForeignExec,
  SandboxDevice,
  SandboxMount,
  SandboxProcess,
  SandboxSpec,
} from './sandbox-spec.ts';

const magic = 0x43505354; // "TSPC"
const version = 4;
const headerBytes = 264;
/** Behind the header, where another runtime makes the sandbox. */
const foreignBytes = 24;
const mountBytes = 96;
const deviceBytes = 32;
const referenceBytes = 8;
const pairBytes = 16;
const rlimitBytes = 24;
const filterBytes = 8;
const joinBytes = 8;

const flag = {
  startAtOnce: 1,
  cgroup2: 2,
  rootReadonly: 4,
  noNewPrivileges: 8,
  init: 16,
  oomScore: 32,
  terminal: 64,
  stdin: 128,
  exec: 256,
  handover: 1024,
  foreign: 512,
  more: 2048,
} as const;

const mountFlag = { recursive: 1, joined: 2, readonlyTop: 4, ownersTop: 8 } as const;
const mountKinds = [
  'overlay',
  'bind',
  'tmpfs',
  'proc',
  'sysfs',
  'mqueue',
  'devpts',
  'cgroup',
  'other',
  'files',
];
const createKinds = ['nothing', 'directory', 'file'];
const joinKinds = {
  network: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  ipc: CLONE_NEWIPC,
  mount: CLONE_NEWNS,
  uts: CLONE_NEWUTS,
  cgroup: CLONE_NEWCGROUP,
  time: CLONE_NEWTIME,
} as const;
const deviceTypes = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const;

export interface EncodeOptions {
  /** Run the program as soon as its sandbox stands, without waiting for a start message. */
  readonly startsAtOnce: boolean;
  /** Another runtime makes the sandbox, by these commands. */
  readonly foreign?: ForeignCommands | null;
}

export function encodeSpec(
  spec: SandboxSpec,
  { startsAtOnce, foreign }: EncodeOptions,
): Uint8Array {
  const flags = flagsOf(spec, startsAtOnce);
  if (foreign === undefined || foreign === null) return encode(spec, flags);
  return encode(withoutSandbox(spec, foreign.create), flags | flag.foreign, foreign);
}

/** A further program in a sandbox that stands: everything but the process is left empty, and not looked at. */
export function encodeExec(process: SandboxProcess, foreign?: ForeignExec | null): Uint8Array {
  const spec: SandboxSpec = { ...nothing, process };
  const flags = flagsOf(spec, false) | flag.exec;
  if (foreign === undefined || foreign === null) return encode(spec, flags);
  return encode(withCommand(spec, foreign.command), flags | flag.foreign, {
    ...{ directory: foreign.directory, start: [], delete: [] },
  });
}

/** The same of a container that nobody keeps: it says itself what it joins. */
export type JoiningExec = Pick<
  SandboxSpec,
  'process' | 'namespaces' | 'cgroups' | 'hasCgroup2' | 'handover'
>;

export function encodeJoiningExec(exec: JoiningExec): Uint8Array {
  const spec: SandboxSpec = { ...nothing, ...exec };
  return encode(spec, flagsOf(spec, false) | flag.exec);
}

/** What the shim itself needs to know; the rest is in the bundle. */
function withoutSandbox(spec: SandboxSpec, create: readonly string[]): SandboxSpec {
  const [root, ...others] = spec.mounts;
  return {
    ...withCommand(spec, create),
    mounts: [
      ...(root === undefined ? [] : [root]),
      ...others.filter((mount) => mount.isJoined),
      ...filesForBundle(others),
    ],
    ...{ devices: [], links: [], maskedPaths: [], readonlyPaths: [], sysctls: [] },
  };
}

/** Each is mounted on a directory of the bundle, by its number; the bundle's own mounts are binds of those. */
function filesForBundle(mounts: readonly SandboxMount[]): readonly SandboxMount[] {
  return mounts
    .filter(({ kind }) => kind === 'files')
    .map((mount, index) => ({
      ...mount,
      target: `/${bundleFilesName(index)}`,
      create: 'directory',
    }));
}

/** Directory of the bundle for the mount of files with this number. */
export function bundleFilesName(index: number): string {
  return `files${index}`;
}

/** The container's own words and variables must not reach what runs on the host. */
function withCommand(spec: SandboxSpec, command: readonly string[]): SandboxSpec {
  const { initAttribute: _init, ...process } = spec.process;
  return {
    ...spec,
    process: {
      ...{ ...process, args: command, env: foreignEnvironment, cwd: '/', seccomp: noFilter },
      ...{ attributes: [], hasCoreScheduling: false },
    },
  };
}

const noFilter = new Uint8Array();
const foreignEnvironment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

const nothing: Omit<SandboxSpec, 'process'> = {
  id: '',
  hostname: '',
  domainname: '',
  namespaces: 0,
  networkNamespace: null,
  joins: [],
  cgroups: [],
  hasCgroup2: false,
  mounts: [],
  devices: [],
  links: [],
  maskedPaths: [],
  readonlyPaths: [],
  isRootReadonly: false,
  sysctls: [],
  log: { path: '', maxBytes: 0n, maxFiles: 0 },
  paths: { control: '', exit: '' },
};

type ForeignHeader = Pick<ForeignCommands, 'directory' | 'start' | 'delete'>;

function encode(
  spec: SandboxSpec,
  flags: number,
  foreign: ForeignHeader | null = null,
): Uint8Array {
  const size =
    headerBytes +
    (spec.handover === undefined ? 0 : handoverBytes) +
    (foreign === null ? 0 : foreignBytes) +
    (hasMore(spec) ? moreBytes : 0);
  const writer = new Writer(size);
  const header = new Cursor(writer, 0);
  const { process, log, paths } = spec;
  header.u32(magic).u16(version).u16(size);
  const totalSize = header.skip(4);
  header.u32(flags | (hasMore(spec) ? flag.more : 0));
  header.u32(spec.namespaces).u32(process.umask).u32(process.uid).u32(process.gid);
  header
    .i32(process.oomScoreAdj ?? 0)
    .u32(log.maxFiles)
    .u16(process.terminal?.rows ?? 0)
    .u16(process.terminal?.columns ?? 0)
    .u32(0)
    .u64(log.maxBytes);
  const { bounding, effective, permitted, inheritable, ambient } = process.capabilities;
  header.u64(bounding).u64(effective).u64(permitted).u64(inheritable).u64(ambient);
  header.text(spec.id).text(spec.hostname).text(spec.domainname);
  header.text(spec.networkNamespace ?? '').text(process.cwd);
  header.text(log.path).text(paths.control).text(paths.exit);
  header.texts(spec.cgroups);
  header.list(spec.mounts, mountBytes, encodeMount);
  header.list(spec.devices, deviceBytes, encodeDevice);
  header.pairs(spec.links).texts(spec.maskedPaths).texts(spec.readonlyPaths).pairs(spec.sysctls);
  header.texts(process.args).texts(process.env);
  header.list(process.groups, 4, (cursor, group) => cursor.u32(group));
  header.list(process.rlimits, rlimitBytes, (cursor, [resource, soft, hard]) =>
    cursor.u64(BigInt(resource)).u64(soft).u64(hard),
  );
  header.bytes(process.seccomp, filterBytes);
  header.list(spec.joins, joinBytes, (cursor, { kind, fd }) => cursor.u32(joinKinds[kind]).u32(fd));
  if (spec.handover !== undefined) encodeHandover(header, spec.handover, spec.mounts);
  if (foreign !== null) header.text(foreign.directory).texts(foreign.start).texts(foreign.delete);
  if (hasMore(spec)) encodeMore(header, spec);
  totalSize.u32(writer.size);
  return writer.finish();
}

function flagsOf(spec: SandboxSpec, startsAtOnce: boolean): number {
  return (
    (startsAtOnce ? flag.startAtOnce : 0) |
    (spec.hasCgroup2 ? flag.cgroup2 : 0) |
    (spec.isRootReadonly ? flag.rootReadonly : 0) |
    (spec.process.hasNoNewPrivileges ? flag.noNewPrivileges : 0) |
    (spec.process.hasInit ? flag.init : 0) |
    (spec.process.oomScoreAdj === null ? 0 : flag.oomScore) |
    (spec.process.terminal === null ? 0 : flag.terminal) |
    (spec.process.hasInput ? flag.stdin : 0) |
    (spec.handover === undefined ? 0 : flag.handover)
  );
}

const msRec = 0x4000;
const msPrivate = 0x40000;

function encodeMount(cursor: Cursor, mount: SandboxMount): void {
  cursor.u32(mountKinds.indexOf(mount.kind)).u32(createKinds.indexOf(mount.create));
  cursor.u32((mount.propagation & ~msRec) === 0 ? msPrivate : mount.propagation & ~msRec);
  cursor.u32(mountFlagsOf(mount));
  const attributes = attributesOf(mount.flags);
  const clear = attributes.clear | attributesOf(mount.clear ?? 0).set;
  cursor.u64(BigInt(attributes.set)).u64(BigInt(clear));
  cursor.text(mount.source).text(mount.target).text(mount.upperDir).text(mount.workDir);
  cursor.texts(mount.lowerDirs);
  cursor.list(optionsOf(mount), pairBytes, (pair, [key, value]) => {
    pair.text(key);
    if (value === null) pair.skip(referenceBytes);
    else pair.text(value);
  });
  cursor
    .text(mount.subpath ?? '')
    .u32(mount.owners?.fd ?? 0)
    .u32(0);
}

function mountFlagsOf({ flags, isJoined, isReadonlyTop, owners }: SandboxMount): number {
  return (
    ((flags & msRec) === 0 ? 0 : mountFlag.recursive) |
    (isJoined === true ? mountFlag.joined : 0) |
    (isReadonlyTop === true ? mountFlag.readonlyTop : 0) |
    (owners?.isTopOnly === true ? mountFlag.ownersTop : 0)
  );
}

/** "mode=755,size=64k,nodots" as pairs; null is an option without a value. A label has commas in it. */
function optionsOf({ data, label }: SandboxMount): (readonly [string, string | null])[] {
  const options = data
    .split(',')
    .filter((option) => option !== '')
    .map((option): readonly [string, string | null] => {
      const equals = option.indexOf('=');
      return equals < 0 ? [option, null] : [option.slice(0, equals), option.slice(equals + 1)];
    });
  return label === undefined ? options : [...options, ['context', label]];
}

function encodeDevice(cursor: Cursor, device: SandboxDevice): void {
  cursor.text(device.path).u32((device.mode & 0o7777) | deviceTypes[device.type]);
  cursor.u32(device.major).u32(device.minor).u32(device.uid).u32(device.gid).u32(0);
}

/** Bytes that grow; only appended to through `allocate`. */
class Writer {
  #buffer: Buffer;
  size: number;

  constructor(headerSize: number) {
    this.#buffer = Buffer.alloc(8192);
    this.size = headerSize;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  allocate(length: number, alignment: number): number {
    const offset = Math.ceil(this.size / alignment) * alignment;
    this.size = offset + length;
    if (this.size > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(this.size, 2 * this.#buffer.length));
      this.#buffer.copy(grown);
      this.#buffer = grown;
    }
    return offset;
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.size);
  }
}

/** Writes fields one after the other at a place that was allocated before. */
export class Cursor {
  readonly #writer: Writer;
  #offset: number;

  constructor(writer: Writer, offset: number) {
    this.#writer = writer;
    this.#offset = offset;
  }

  /** Leaves `length` zero bytes; the result can write them later. */
  skip(length: number): Cursor {
    return new Cursor(this.#writer, this.#advance(length));
  }

  u16(value: number): this {
    const at = this.#advance(2);
    this.#writer.buffer.writeUInt16LE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#advance(4);
    this.#writer.buffer.writeUInt32LE(value, at);
    return this;
  }

  i32(value: number): this {
    const at = this.#advance(4);
    this.#writer.buffer.writeInt32LE(value, at);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#advance(8);
    this.#writer.buffer.writeBigUInt64LE(value, at);
    return this;
  }

  text(value: string): this {
    if (value.includes('\0')) throw new TypeError(`NUL in "${value.replaceAll('\0', '\\0')}"`);
    const length = Buffer.byteLength(value);
    const offset = this.#writer.allocate(length + 1, 1);
    this.#writer.buffer.write(value, offset);
    return this.u32(offset).u32(length);
  }

  list<T>(items: readonly T[], size: number, encode: (cursor: Cursor, item: T) => void): this {
    const offset = this.#writer.allocate(items.length * size, 8);
    for (const [index, item] of items.entries()) {
      encode(new Cursor(this.#writer, offset + index * size), item);
    }
    return this.u32(offset).u32(items.length);
  }

  texts(values: readonly string[]): this {
    return this.list(values, referenceBytes, (cursor, value) => cursor.text(value));
  }

  pairs(values: readonly (readonly [string, string])[]): this {
    return this.list(values, pairBytes, (cursor, [key, value]) => cursor.text(key).text(value));
  }

  bytes(value: Uint8Array, itemSize: number): this {
    if (value.length % itemSize !== 0) throw new TypeError(`${value.length} bytes are no filter`);
    const offset = this.#writer.allocate(value.length, 8);
    this.#writer.buffer.set(value, offset);
    return this.u32(offset).u32(value.length / itemSize);
  }

  #advance(length: number): number {
    const at = this.#offset;
    this.#offset += length;
    return at;
  }
}
