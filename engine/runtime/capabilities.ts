/** Which capabilities a container's first process gets: Docker's fourteen, more, fewer or all. capabilities(7). */
import { EngineError } from '../api/index.ts';
import type { SandboxProcess } from './sandbox-spec.ts';

/** In the order of linux/capability.h: the index is the number. */
export const capabilityNames = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

export type CapabilityName = (typeof capabilityNames)[number];

/** moby `daemon/pkg/oci/caps/defaults.go` (reliability-security.md §2). */
export const defaultCapabilities: readonly CapabilityName[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'MKNOD',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETFCAP',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
];

export interface CapabilityOptions {
  readonly isPrivileged: boolean;
  readonly add: readonly string[];
  readonly drop: readonly string[];
  /** What the engine itself holds: nobody can pass on more. */
  readonly available: bigint;
}

export function capabilityBit(name: CapabilityName): bigint {
  return 1n << BigInt(capabilityNames.indexOf(name));
}

export function capabilitySet(names: readonly CapabilityName[]): bigint {
  return names.reduce((set, name) => set | capabilityBit(name), 0n);
}

/** Names of a set, by number; for printed forms. */
export function capabilitiesOf(set: bigint): readonly CapabilityName[] {
  return capabilityNames.filter((name) => (set & capabilityBit(name)) !== 0n);
}

/** The container's set by Docker's rules: what is added wins over what is dropped, unless ALL was added. */
export function chooseCapabilities({
  isPrivileged,
  add,
  drop,
  available,
}: CapabilityOptions): bigint {
  const added = parseNames(add);
  const dropped = parseNames(drop);
  if (isPrivileged) return available;
  if (added.isAll) return available & ~dropped.set;
  const base = dropped.isAll ? 0n : capabilitySet(defaultCapabilities) & ~dropped.set;
  return (base | added.set) & available;
}

/**
 * The five sets of the first process. Only root gets permitted and effective ones, as execve(2) would give them;
 * inheritable and ambient stay empty, or every file with inheritable bits would regain them (CVE-2022-24769).
 */
export function processCapabilities(set: bigint, uid: number): SandboxProcess['capabilities'] {
  const held = uid === 0 ? set : 0n;
  return { bounding: set, effective: held, permitted: held, inheritable: 0n, ambient: 0n };
}

function parseNames(names: readonly string[]): { isAll: boolean; set: bigint } {
  let set = 0n;
  let isAll = false;
  for (const text of names) {
    const name = text.toUpperCase().replace(/^CAP_/, '');
    if (name === 'ALL') isAll = true;
    else if (isCapability(name)) set |= capabilityBit(name);
    else
      throw new EngineError('invalid-argument', `invalid capability: ${JSON.stringify(text)}`, {
        hint: 'use a name of capabilities(7), with or without "CAP_"',
      });
  }
  return { isAll, set };
}

function isCapability(name: string): name is CapabilityName {
  return (capabilityNames as readonly string[]).includes(name);
}
