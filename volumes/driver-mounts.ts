/**
 * The mounts of volumes with driver options. One is made for the first who holds the volume and taken away with the
 * last; which are there is the kernel's to say, so that an engine that was killed in between is no matter.
 */
import { readFileSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  isSyscallError,
  mount,
  mountLater,
  unmount,
  MNT_DETACH,
  MS_BIND,
  MS_RDONLY,
} from '../native/index.ts';
import { driverMount, type DriverMount } from './driver-options.ts';
import { VolumeError } from './errors.ts';
import type { Volume } from './model.ts';

const MS_REMOUNT = 0x20;

/** The caller holds the volume's lock. */
export async function mountVolume(volume: Volume): Promise<void> {
  const wanted = driverMount(volume.driverOptions);
  if (wanted === null || isMounted(volume)) return;
  const resolved = await withAddress(volume, wanted);
  const { device, type, flags, propagation, data } = resolved;
  const target = volume.mountpoint;
  try {
    await mountLater({ source: device, target, type, flags, data });
    // A bind takes the flags of its source, until it is mounted anew (mount(2)).
    const bound = MS_BIND | MS_RDONLY;
    if ((flags & bound) === bound) mount({ source: device, target, flags: flags | MS_REMOUNT });
    if (propagation !== 0) mount({ source: '', target, flags: propagation });
  } catch (error) {
    unmountVolume(volume);
    throw refused(volume, resolved, error);
  }
}

export function unmountVolume(volume: Volume): void {
  while (driverMount(volume.driverOptions) !== null && isMounted(volume)) {
    try {
      unmount(volume.mountpoint);
    } catch (error) {
      // Somebody on the host is in it.
      if (!isSyscallError(error, 'EBUSY')) throw error;
      unmount(volume.mountpoint, MNT_DETACH);
    }
  }
}

/** proc_pid_mountinfo(5), field 5. */
export function isMounted({ mountpoint }: Volume): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => unescape(line.split(' ')[4] ?? '') === mountpoint);
}

function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** The kernel takes addresses only: names are looked up here, as mount.nfs(8) and mount.cifs(8) would. */
async function withAddress(volume: Volume, wanted: DriverMount): Promise<DriverMount> {
  if (wanted.type.startsWith('nfs')) {
    const name = /(?:^|,)addr=([^,]*)/.exec(wanted.data)?.[1] ?? '';
    if (name === '' || isIP(name) !== 0) return wanted;
    const address = await addressOf(volume, name);
    return { ...wanted, data: wanted.data.replace(`addr=${name}`, `addr=${address}`) };
  }
  if (wanted.type !== 'cifs') return wanted;
  const name = /^\/\/([^/]+)/.exec(wanted.device)?.[1] ?? '';
  if (name === '' || isIP(name) !== 0) return wanted;
  const address = await addressOf(volume, name);
  return { ...wanted, device: wanted.device.replace(`//${name}`, `//${address}`) };
}

async function addressOf({ name, mountpoint }: Volume, host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new VolumeError(
      'mount-failed',
      `error while mounting volume '${mountpoint}': error resolving passed in network volume address: lookup ${host}: no such host`,
      { fields: { name, host }, cause: error },
    );
  }
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'device or resource busy',
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  ENETUNREACH: 'network is unreachable',
  ENODEV: 'no such device',
  ENOENT: 'no such file or directory',
  ENOTBLK: 'block device required',
  ENOTDIR: 'not a directory',
  ENXIO: 'no such device or address',
  EPERM: 'operation not permitted',
  EPROTONOSUPPORT: 'protocol not supported',
  EROFS: 'read-only file system',
  ETIMEDOUT: 'connection timed out',
};

/** A password is never repeated. */
function refused({ name, mountpoint }: Volume, wanted: DriverMount, error: unknown): unknown {
  if (!isSyscallError(error)) return error;
  const { device, type, flags, data } = wanted;
  const shown = [
    `mount ${device}:${mountpoint}`,
    ...(flags === 0 ? [] : [`flags: 0x${flags.toString(16)}`]),
    ...(data === ''
      ? []
      : [`data: ${data.replace(/(^|,)(pass(?:word)?)=[^,]*/g, '$1$2=********')}`]),
  ].join(', ');
  const reason = words[error.errno] ?? error.errno;
  return new VolumeError(
    'mount-failed',
    `error while mounting volume '${mountpoint}': failed to mount local volume: ${shown}: ${reason}`,
    {
      fields: { name, device, type },
      ...(error.errno === 'ENODEV' && {
        hint: `the kernel of this machine knows no file system "${type}": load its module`,
      }),
      cause: error,
    },
  );
}
