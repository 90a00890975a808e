/** Device nodes and links of a fresh /dev, and the device cgroup's rules that belong to them. */
import { readdirSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../api/index.ts';
import type { SandboxDevice } from './sandbox-spec.ts';

/** runtime-spec config-linux.md#default-devices. */
export const defaultDevices: readonly SandboxDevice[] = [
  character('/dev/null', 1, 3),
  character('/dev/zero', 1, 5),
  character('/dev/full', 1, 7),
  character('/dev/random', 1, 8),
  character('/dev/urandom', 1, 9),
  character('/dev/tty', 5, 0),
];

/** runtime-spec runtime-linux.md#dev-symbolic-links; ptmx is the container's own devpts instance. */
export const defaultLinks: readonly (readonly [path: string, target: string])[] = [
  ['/dev/ptmx', 'pts/ptmx'],
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
  ['/dev/core', '/proc/kcore'],
];

/** One line of the device cgroup: "c 1:3 rwm"; null is every number. */
export interface DeviceRule {
  readonly type: 'all' | 'char' | 'block';
  readonly major: number | null;
  readonly minor: number | null;
  /** Of r, w and m (mknod). */
  readonly access: string;
}

/** Making any node is harmless, opening it is what counts (moby `c *:* m`). */
export const defaultDeviceRules: readonly DeviceRule[] = [
  { type: 'char', major: null, minor: null, access: 'm' },
  { type: 'block', major: null, minor: null, access: 'm' },
  ...defaultDevices.map(({ major, minor }) => ({
    type: 'char' as const,
    major,
    minor,
    access: 'rwm',
  })),
  // Its own pseudo terminals: /dev/ptmx and the slaves, Documentation/admin-guide/devices.txt.
  { type: 'char', major: 5, minor: 2, access: 'rwm' },
  { type: 'char', major: 136, minor: null, access: 'rwm' },
];

/** With a terminal, /dev/console is one of them; without, the number stays the host's console and closed. */
export const consoleRule: DeviceRule = { type: 'char', major: 5, minor: 1, access: 'rwm' };

export const everyDeviceRule: DeviceRule = { type: 'all', major: null, minor: null, access: 'rwm' };

export function printDeviceRule({ type, major, minor, access }: DeviceRule): string {
  const letter = { all: 'a', char: 'c', block: 'b' }[type];
  return `${letter} ${major ?? '*'}:${minor ?? '*'} ${access}`;
}

/** "c 1:3 mr", "b *:* rwm", "a" as in `device_cgroup_rules`; throws EngineError `invalid-argument`. */
export function parseDeviceRule(text: string): DeviceRule {
  const match = /^([acb]) (\d{1,9}|\*):(\d{1,9}|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null)
    throw new EngineError('invalid-argument', `invalid device cgroup rule format: '${text}'`, {
      hint: 'write type, major:minor and access, such as "c 1:3 rwm"',
    });
  const [, letter = '', major = '', minor = '', access = ''] = match;
  const number = (digits: string): number | null => (digits === '*' ? null : Number(digits));
  const type = letter === 'a' ? 'all' : letter === 'b' ? 'block' : 'char';
  return { type, major: number(major), minor: number(minor), access };
}

/** Of a block device's node, for limits of what is moved to and from it; throws EngineError for anything else. */
export function blockDeviceNumber(path: string): { major: number; minor: number } {
  const stat = statNode(path);
  if (stat.isBlockDevice()) return splitNumber(BigInt(stat.rdev));
  throw new EngineError('invalid-argument', `"${path}" is not a block device`);
}

/** A device asked for with `devices:`. */
export interface DeviceRequest {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of r, w and m; empty is all three. */
  readonly permissions: string;
}

export interface RequestedDevice {
  readonly device: SandboxDevice;
  readonly rule: DeviceRule;
}

/** Reads what the host's node is. A directory gives every device below it, as Docker does. */
export function readDevice(request: DeviceRequest): readonly RequestedDevice[] {
  const access = request.permissions === '' ? 'rwm' : request.permissions;
  if (!/^(?!.*(.).*\1)[rwm]{1,3}$/.test(access))
    throw new EngineError(
      'invalid-argument',
      `invalid device permissions ${JSON.stringify(access)}`,
      {
        hint: 'use a combination of r, w and m',
      },
    );
  const found = readNodes(request.hostPath, request.containerPath);
  if (found.length === 0)
    throw new EngineError('invalid-argument', `"${request.hostPath}" is not a device node`);
  return found.map((device) => ({ device, rule: ruleOf(device, access) }));
}

/** Every node of the host's /dev, for privileged containers. Its pseudo terminals and shm are not among them. */
export function readHostDevices(directory = '/dev'): readonly SandboxDevice[] {
  return readNodes(directory, '/dev').filter(({ path }) => !ownOfContainer.has(path));
}

const ownOfContainer: ReadonlySet<string> = new Set(['/dev/console', '/dev/ptmx']);
const ownDirectories: ReadonlySet<string> = new Set([
  'pts',
  'shm',
  'mqueue',
  'fd',
  '.lxc',
  '.lxd-mounts',
]);

function readNodes(hostPath: string, containerPath: string): readonly SandboxDevice[] {
  const stat = statNode(hostPath);
  if (stat.isDirectory()) {
    return readdirSync(hostPath, { withFileTypes: true })
      .filter((entry) => !entry.isSymbolicLink() && !ownDirectories.has(entry.name))
      .filter((entry) => entry.isDirectory() || entry.isCharacterDevice() || entry.isBlockDevice())
      .flatMap((entry) => readNodes(join(hostPath, entry.name), join(containerPath, entry.name)));
  }
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return [];
  const { major, minor } = splitNumber(BigInt(stat.rdev));
  return [
    {
      path: containerPath,
      type: stat.isCharacterDevice() ? 'char' : 'block',
      major,
      minor,
      mode: stat.mode & 0o777,
      uid: stat.uid,
      gid: stat.gid,
    },
  ];
}

function statNode(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw new EngineError('invalid-argument', `cannot use device "${path}"`, { cause: error });
  }
}

/** dev_t of makedev(3), as the kernel packs it for user space. */
export function splitNumber(device: bigint): { major: number; minor: number } {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}

function ruleOf({ type, major, minor }: SandboxDevice, access: string): DeviceRule {
  return { type: type === 'block' ? 'block' : 'char', major, minor, access };
}

function character(path: string, major: number, minor: number): SandboxDevice {
  return { path, type: 'char', major, minor, mode: 0o666, uid: 0, gid: 0 };
}
