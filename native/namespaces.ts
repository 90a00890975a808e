import { isIP } from 'node:net';
import { binding } from './binding.ts';
import { attempt, attemptAsync } from './errors.ts';
import type { Fd } from './fd.ts';

/**
 * Makes a network namespace and keeps it alive by a bind mount on `path`, a file that this function creates; null: it
 * lives as long as its descriptor, until it is named. Its loopback is down.
 */
export function createNetworkNamespace(path: string | null): Promise<Fd> {
  return attemptAsync(`create network namespace "${path ?? ''}"`, () =>
    binding().createNetns(path ?? ''),
  );
}

/** Makes the file `path` and mounts the namespace on it. */
export function nameNetworkNamespace(netns: Fd, path: string): void {
  attempt(`name network namespace "${path}"`, () => {
    binding().nameNetns(netns, path);
  });
}

/** A namespace by its bind mount or its /proc/PID/ns file; fails with EINVAL when `path` is no network namespace. */
export function openNamespace(path: string): Fd {
  return attempt(`open network namespace "${path}"`, () => binding().openNetns(path));
}

/** Removes the bind mount and its file; the kernel ends the namespace when no process or descriptor is left in it. */
export function removeNetworkNamespace(path: string): void {
  attempt(`remove network namespace "${path}"`, () => {
    binding().removeNetns(path);
  });
}

export type SocketFamily =
  'inet' | 'inet6' | 'netlink-route' | 'netlink-netfilter' | 'netlink-sock-diag';

export interface SocketRequest {
  /** The namespace it belongs to for its whole life; missing: the engine's own. */
  readonly netns?: Fd;
  readonly family: SocketFamily;
  /** Ignored for netlink, which is always raw. "sctp" is EPROTONOSUPPORT where the kernel has none. */
  readonly type?: 'stream' | 'dgram' | 'sctp';
  /** Port 0 takes a free one; `socketPort` tells which. */
  readonly bind?: { readonly address: string; readonly port: number };
  /** Backlog of listen(2); missing: only bound, which reserves the port. */
  readonly listen?: number;
  /** Mask of the netlink groups whose notifications it receives, nl_groups of netlink(7). */
  readonly groups?: number;
  /** SO_REUSEADDR. A port bound with it is not reserved. */
  readonly reuseAddress?: boolean;
}

/** A non-blocking socket, made inside the namespace by a thread that ends with the call. */
export function openSocket(request: SocketRequest): Promise<Fd> {
  const { netns, family, type = 'stream', bind, listen = -1, groups = 0 } = request;
  const { reuseAddress = false } = request;
  const { domain, protocol } = families[family];
  const isSctp = type === 'sctp';
  if (bind !== undefined && isIP(bind.address) !== (family === 'inet6' ? 6 : 4)) {
    throw new TypeError(`"${bind.address}" is no address of family ${family}`);
  }
  const isNetlink = domain === AF_NETLINK;
  const socketType = isNetlink ? SOCK_RAW : type === 'dgram' ? SOCK_DGRAM : SOCK_STREAM;
  const where = bind === undefined ? '' : ` on ${bind.address} port ${bind.port}`;
  return attemptAsync(`open ${family} socket${where}`, () =>
    binding().openSocket(
      netns ?? -1,
      domain,
      socketType,
      isSctp ? IPPROTO_SCTP : protocol,
      bind?.address ?? '',
      bind?.port ?? groups,
      listen,
      reuseAddress,
    ),
  );
}

/** The local port of an inet or inet6 socket; the address of a netlink socket, which marks what it has changed. */
export function socketPort(socket: Fd): number {
  return attempt(`read port of descriptor ${socket}`, () => binding().socketPort(socket));
}

export interface Sysctl {
  /** Matters for what is below net/; the other sysctls belong to namespaces that no thread of ours may join. */
  readonly netns?: Fd;
  /** Path below /proc/sys, as "net/ipv4/ip_forward"; slashes, because interface names contain dots. */
  readonly name: string;
}

export function writeSysctl({ netns, name, value }: Sysctl & { value: string }): Promise<void> {
  return attemptAsync(`write sysctl "${name}"`, () =>
    binding().writeSysctl(netns ?? -1, name, value),
  );
}

/** Its text without the newline at the end. */
export async function readSysctl({ netns, name }: Sysctl): Promise<string> {
  const text = await attemptAsync(`read sysctl "${name}"`, () =>
    binding().readSysctl(netns ?? -1, name),
  );
  return text.toString().replace(/\n$/, '');
}

// socket.h and netlink.h; the same numbers on every Linux architecture but MIPS, which Node does not support.
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
// in.h
const IPPROTO_SCTP = 132;

const families: Record<SocketFamily, { domain: number; protocol: number }> = {
  inet: { domain: AF_INET, protocol: 0 },
  inet6: { domain: AF_INET6, protocol: 0 },
  'netlink-route': { domain: AF_NETLINK, protocol: 0 },
  'netlink-sock-diag': { domain: AF_NETLINK, protocol: 4 },
  'netlink-netfilter': { domain: AF_NETLINK, protocol: 12 },
};
