/** What the machine can do, read once: every decision about a sandbox is a pure function of these and the request. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { arch, release } from 'node:os';
import { coreScheduling } from '../../native/index.ts';
import type { CoreScheduling } from '../../native/index.ts';
import { readContainerLabels } from './selinux.ts';
import type { PolicyLabels } from './selinux.ts';

export interface HostFacts {
  readonly architecture: 'x86_64' | 'aarch64';
  /** Capabilities that the engine holds and so can pass on. */
  readonly capabilities: bigint;
  readonly hasTimeNamespace: boolean;
  readonly coreScheduling: CoreScheduling;
  /** Active, with its files where they belong. */
  readonly hasAppArmor: boolean;
  /** Active, whether it enforces or not. */
  readonly hasSelinux: boolean;
  /** Those of its policy; null without SELinux. */
  readonly containerLabels: PolicyLabels | null;
  /** "6.1.0-13-amd64" */
  readonly kernel: string;
  /** The engine's hard limit of open files. */
  readonly hardNofile: bigint;
  /** Per-CPU paths that tell one container what another does, as far as this machine has them. */
  readonly thermalPaths: readonly string[];
}

export function readHostFacts(): HostFacts {
  const hasSelinux = existsSync('/sys/fs/selinux/enforce');
  return {
    architecture: arch() === 'arm64' ? 'aarch64' : 'x86_64',
    capabilities: parseEffectiveCapabilities(readFileSync('/proc/self/status', 'utf8')),
    hasTimeNamespace: existsSync('/proc/self/ns/time'),
    coreScheduling: coreScheduling(),
    hasAppArmor: readAppArmor(),
    hasSelinux,
    containerLabels: hasSelinux ? readContainerLabels() : null,
    kernel: release(),
    hardNofile: parseHardNofile(readFileSync('/proc/self/limits', 'utf8')),
    thermalPaths: readThermalPaths(),
  };
}

export function parseEffectiveCapabilities(status: string): bigint {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(status);
  return BigInt(`0x${match?.[1] ?? '0'}`);
}

export function parseHardNofile(limits: string): bigint {
  const match = /^Max open files\s+\S+\s+(\S+)/m.exec(limits);
  const hard = match?.[1] ?? 'unlimited';
  return hard === 'unlimited' ? 2n ** 64n - 1n : BigInt(hard);
}

function readAppArmor(): boolean {
  const parameter = '/sys/module/apparmor/parameters/enabled';
  if (!existsSync(parameter) || !existsSync('/sys/kernel/security/apparmor/profiles')) return false;
  return readFileSync(parameter, 'utf8').startsWith('Y');
}

function readThermalPaths(): readonly string[] {
  const directory = '/sys/devices/system/cpu';
  return readdirSync(directory)
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `${directory}/${name}/thermal_throttle`)
    .filter((path) => existsSync(path))
    .sort();
}
