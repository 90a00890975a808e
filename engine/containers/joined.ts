/**
 * Namespaces that a container shares with another one (`container:ID`). The other must run while they are joined;
 * afterwards each goes its own way: a network stays, without its links, and a pid namespace ends with its first process.
 */
import { readlinkSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import type { HostConfig } from '../api/index.ts';
import { closeFd } from '../../native/index.ts';
import type { Fd } from '../../native/index.ts';
import type { EtcFiles, SandboxRequest } from '../runtime/index.ts';
import type { Container, ContainerRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { openNamespace } from './process-namespace.ts';
import { requireResponsive } from './responsive.ts';

type Context = Pick<ContainerContext, 'containers' | 'layout'>;
type Shared = 'NetworkMode' | 'PidMode' | 'IpcMode';

const prefix = 'container:';
/** What a shim is given before these; native/PROTOCOL.md. */
export const firstHeldFd = 6;

/** Docker's words of what cannot be joined. */
const failures: Readonly<Record<Shared, string>> = {
  NetworkMode: 'joining network namespace of container',
  PidMode: 'failed to join PID namespace',
  IpcMode: 'failed to join IPC namespace',
};

/** The reference behind `container:`, or null. */
export function sharedWith(mode: string | undefined): string | null {
  return mode?.startsWith(prefix) === true ? mode.slice(prefix.length) : null;
}

/** Names and short ids become ids, which stay when the other container gets another name, or another one its. */
export function resolveSharing(ctx: Pick<Context, 'containers'>, host: HostConfig): HostConfig {
  const resolved = (mode: string | undefined): string | undefined => {
    const ref = sharedWith(mode);
    return ref === null || ref === '' ? mode : `${prefix}${findOther(ctx, ref).id}`;
  };
  const { NetworkMode, PidMode, IpcMode } = host;
  return {
    ...host,
    ...(PidMode !== undefined && { PidMode: resolved(PidMode) ?? PidMode }),
    ...(IpcMode !== undefined && { IpcMode: resolved(IpcMode) ?? IpcMode }),
    ...(NetworkMode !== undefined && { NetworkMode: resolved(NetworkMode) ?? NetworkMode }),
  };
}

/** A mistake of the request, as in Docker: its client takes "not found" for a missing image, and pulls that. */
export function findOther(ctx: Pick<Context, 'containers'>, ref: string): Container {
  try {
    return ctx.containers.find(ref);
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'not-found') throw error;
    throw new EngineError('invalid-argument', error.message, { cause: error });
  }
}

/** With the names of the container whose network it is on: Docker keeps these as its own from then on. */
export function withSharedNames(ctx: Context, record: ContainerRecord): ContainerRecord {
  const other = findShared(ctx, record, 'NetworkMode');
  if (other === null) return record;
  const { Hostname = '', Domainname = '' } = other.record.config;
  return { ...record, config: { ...record.config, Hostname, Domainname } };
}

/** The files below /etc of the container whose network it is on, however many share in between; else null. */
export function sharedFiles(ctx: Context, record: ContainerRecord): EtcFiles | null {
  let owner = findShared(ctx, record, 'NetworkMode');
  if (owner === null) return null;
  for (let next: Container | null = owner; next !== null;) {
    owner = next;
    next = findShared(ctx, owner.record, 'NetworkMode');
  }
  return etcFilesOf(ctx, owner.record);
}

/** On the host's network there are no name servers but the host's own. */
export function etcFilesOf(ctx: Context, { id, hostConfig }: ContainerRecord): EtcFiles {
  const { hosts, hostname, resolvConf } = ctx.layout.container(id);
  const isOnHost = hostConfig.NetworkMode === 'host';
  return { hosts, hostname, resolvConf: isOnHost ? '/etc/resolv.conf' : resolvConf };
}

export interface Joins {
  readonly joins: SandboxRequest['joins'];
  /** In the order of the joins; the caller's to close. */
  readonly fds: readonly Fd[];
  /** The same for a process that does not inherit them, while this engine has them open. */
  readonly paths: Readonly<Partial<Record<'network' | 'pid' | 'ipc', string>>>;
}

/** `heldCount` descriptors are given to the shim before these. */
export function openJoins(ctx: Context, record: ContainerRecord, heldCount: number): Joins {
  const wanted = [
    ['NetworkMode', 'network', 'net'],
    ['PidMode', 'pid', 'pid'],
    ['IpcMode', 'ipc', 'ipc'],
    // Its /dev/shm.
    ['IpcMode', 'mount', 'mnt'],
  ] as const;
  const joins: { kind: (typeof wanted)[number][1]; fd: number }[] = [];
  const fds: Fd[] = [];
  try {
    for (const [mode, kind, file] of wanted) {
      const other = findShared(ctx, record, mode);
      if (other === null) continue;
      requireJoinable(other, mode);
      const fd = openNamespace(other, file);
      if (fd === null) throw notRunning(other, mode);
      joins.push({ kind, fd: firstHeldFd + heldCount + fds.length });
      fds.push(fd);
    }
    // By number: who opens them is not this process.
    const self = readlinkSync('/proc/self');
    const paths = Object.fromEntries(
      joins.flatMap(({ kind }, index) =>
        kind === 'mount' ? [] : [[kind, `/proc/${self}/fd/${fds[index]}`]],
      ),
    );
    return { joins, fds, paths };
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    throw error;
  }
}

function findShared(
  ctx: Pick<Context, 'containers'>,
  { hostConfig }: ContainerRecord,
  mode: Shared,
): Container | null {
  const ref = sharedWith(hostConfig[mode]);
  if (ref === null) return null;
  const other = ctx.containers.get(ref);
  if (other !== undefined) return other;
  throw new EngineError('not-found', `${failures[mode]}: No such container: ${ref}`);
}

function requireJoinable(other: Container, mode: Shared): void {
  if (other.process === null) throw notRunning(other, mode);
  requireResponsive(other);
  if (other.status === 'restarting') {
    throw new EngineError(
      'conflict',
      `${failures[mode]}: container ${other.id} is restarting, wait until the container is running`,
    );
  }
  if (mode === 'IpcMode' && ['private', 'none'].includes(other.record.hostConfig.IpcMode ?? '')) {
    throw new EngineError(
      'invalid-argument',
      `${failures.IpcMode}: container ${other.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  }
}

function notRunning({ id, name, status }: Container, mode: Shared): EngineError {
  const message =
    mode === 'NetworkMode'
      ? `cannot join network namespace of a non running container: container ${name} is ${status}`
      : `${failures[mode]}: container ${id} is not running`;
  return new EngineError('conflict', message);
}
