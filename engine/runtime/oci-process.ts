/** `process` of a bundle, or of an exec → credentials, limits and scheduling of a program. */
import { capabilityBit, capabilityNames } from './capabilities.ts';
import type { CapabilityName } from './capabilities.ts';
import type { HostFacts } from './host-facts.ts';
import type {
  OciIoPriority,
  OciLinux,
  OciProcess,
  OciScheduler,
  OciSeccomp,
} from './oci-config.ts';
import { refuse } from './oci-fields.ts';
import { resourceNumber } from './rlimits.ts';
import type { Rlimit } from './rlimits.ts';
import type { SandboxHandover, SandboxProcess } from './sandbox-spec.ts';
import { customFilter } from './seccomp-custom.ts';

/** What a program has beyond `SandboxProcess`. */
export type OciAttributes = Pick<
  SandboxHandover,
  'personality' | 'scheduler' | 'ioPriority' | 'seccompFlags'
>;

export interface OciProgram {
  readonly process: SandboxProcess;
  readonly attributes: OciAttributes;
  readonly warnings: readonly string[];
}

export function ociProgram(
  process: OciProcess,
  linux: OciLinux | undefined,
  host: HostFacts,
): OciProgram {
  const args = process.args ?? [];
  if (args.length === 0) refuse('process.args', 'is missing');
  if (args[0] === '') refuse('process.args[0]', 'is empty');
  for (const field of ['apparmorProfile', 'selinuxLabel'] as const) {
    if ((process[field] ?? '') !== '')
      refuse(`process.${field}`, 'cannot be applied by this runtime');
  }
  const { capabilities, warnings } = chooseCapabilities(process, host);
  const { uid, gid, umask, additionalGids } = process.user ?? { uid: 0, gid: 0 };
  return {
    process: {
      args,
      env: process.env ?? [],
      cwd: process.cwd,
      uid,
      gid,
      groups: additionalGids ?? [],
      capabilities,
      hasNoNewPrivileges: process.noNewPrivileges ?? false,
      umask: umask ?? 0o022,
      rlimits: chooseRlimits(process),
      seccomp: chooseFilter(linux?.seccomp, host),
      oomScoreAdj: process.oomScoreAdj ?? null,
      hasInit: false,
      terminal:
        process.terminal === true
          ? { rows: process.consoleSize?.height ?? 0, columns: process.consoleSize?.width ?? 0 }
          : null,
      hasInput: false,
    },
    attributes: {
      personality: choosePersonality(linux),
      scheduler:
        process.scheduler === undefined ? new Uint8Array() : encodeScheduler(process.scheduler),
      ioPriority: process.ioPriority === undefined ? 0 : encodeIoPriority(process.ioPriority),
      seccompFlags: seccompFlags(linux?.seccomp),
    },
    warnings,
  };
}

const setNames = ['bounding', 'effective', 'permitted', 'inheritable', 'ambient'] as const;

/** What cannot be given is a warning and no failure (config.md, "Linux Process"). */
function chooseCapabilities(
  { capabilities = {} }: OciProcess,
  host: HostFacts,
): { readonly capabilities: SandboxProcess['capabilities']; readonly warnings: string[] } {
  const warnings = new Set<string>();
  const sets = { bounding: 0n, effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n };
  for (const set of setNames) {
    for (const name of capabilities[set] ?? []) {
      const bit = bitOf(name);
      if (bit === null) warnings.add(`process.capabilities.${set}: unknown capability "${name}"`);
      else if ((bit & host.capabilities) === 0n) {
        warnings.add(`process.capabilities.${set}: "${name}" is not ours to give`);
      } else sets[set] |= bit;
    }
  }
  const possible = sets.permitted & sets.inheritable;
  if ((sets.ambient & ~possible) !== 0n) {
    warnings.add('process.capabilities.ambient: only what is permitted and inheritable can be');
  }
  return { capabilities: { ...sets, ambient: sets.ambient & possible }, warnings: [...warnings] };
}

function bitOf(name: string): bigint | null {
  const short = name.replace(/^CAP_/, '');
  const isKnown = name.startsWith('CAP_') && (capabilityNames as readonly string[]).includes(short);
  return isKnown ? capabilityBit(short as CapabilityName) : null;
}

function chooseRlimits({ rlimits = [] }: OciProcess): readonly Rlimit[] {
  const found = new Map<number, Rlimit>();
  for (const [index, { type, soft, hard }] of rlimits.entries()) {
    const field = `process.rlimits[${index}]`;
    const number = type.startsWith('RLIMIT_') ? resourceNumber(type.slice(7).toLowerCase()) : null;
    if (number === null) return refuse(`${field}.type`, `"${type}" is no resource`);
    if (found.has(number)) return refuse(`${field}.type`, `"${type}" is there twice`);
    const limits = [BigInt.asUintN(64, soft), BigInt.asUintN(64, hard)] as const;
    if (limits[0] > limits[1]) return refuse(`${field}.soft`, `${soft} is above hard, ${hard}`);
    found.set(number, [number, ...limits]);
  }
  return [...found.values()];
}

function chooseFilter(seccomp: OciSeccomp | undefined, host: HostFacts): Uint8Array {
  if (seccomp === undefined) return new Uint8Array();
  const json = JSON.stringify(seccomp, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(BigInt.asUintN(64, value)) : value,
  );
  return customFilter(json, host);
}

/** linux/seccomp.h */
const filterFlags: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  // Of calls that an agent answers, and there is none.
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 0,
};

/** Without a list, as runc has it since 1.2. */
function seccompFlags(seccomp: OciSeccomp | undefined): number {
  if (seccomp?.flags === undefined) return filterFlags['SECCOMP_FILTER_FLAG_SPEC_ALLOW'] ?? 0;
  return sumOf(seccomp.flags, filterFlags, 'linux.seccomp.flags');
}

function sumOf(
  names: readonly string[],
  known: Readonly<Record<string, number>>,
  field: string,
): number {
  let sum = 0;
  for (const [index, name] of names.entries()) sum |= lookUp(name, known, `${field}[${index}]`);
  return sum;
}

function lookUp(name: string, known: Readonly<Record<string, number>>, field: string): number {
  const value = Object.hasOwn(known, name) ? known[name] : undefined;
  return value ?? refuse(field, `"${name}" is not one of ${Object.keys(known).join(', ')}`);
}

/** linux/personality.h */
const domains: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

function choosePersonality(linux: OciLinux | undefined): number | null {
  if (linux?.personality === undefined) return null;
  const { domain, flags = [] } = linux.personality;
  if (flags.length > 0) refuse('linux.personality.flags', 'has flags, of which none is defined');
  return lookUp(domain, domains, 'linux.personality.domain');
}

/** linux/sched.h */
const policies: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};

const schedulerFlags: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

/** struct sched_attr of sched_setattr(2), in its first form. */
function encodeScheduler(scheduler: OciScheduler): Uint8Array {
  const bytes = Buffer.alloc(48);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(lookUp(scheduler.policy, policies, 'process.scheduler.policy'), 4);
  const flags = sumOf(scheduler.flags ?? [], schedulerFlags, 'process.scheduler.flags');
  bytes.writeBigUInt64LE(BigInt(flags), 8);
  bytes.writeInt32LE(scheduler.nice ?? 0, 16);
  bytes.writeInt32LE(scheduler.priority ?? 0, 20);
  bytes.writeBigUInt64LE(BigInt(scheduler.runtime ?? 0), 24);
  bytes.writeBigUInt64LE(BigInt(scheduler.deadline ?? 0), 32);
  bytes.writeBigUInt64LE(BigInt(scheduler.period ?? 0), 40);
  return bytes;
}

/** linux/ioprio.h */
const ioClasses: Readonly<Record<string, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};

function encodeIoPriority(value: OciIoPriority): number {
  return (lookUp(value.class, ioClasses, 'process.ioPriority.class') << 13) | value.priority;
}
