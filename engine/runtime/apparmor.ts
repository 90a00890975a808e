/**
 * AppArmor (apparmor.d(5)), where the kernel has it active: which profile a container's programs run under, and the text of
 * the default one. A kernel without it has nothing to apply a profile with.
 */
import { EngineError } from '../api/index.ts';
import type { HostFacts } from './host-facts.ts';
import type { SecurityOptions } from './security-options.ts';

export const defaultProfile = 'tscompose-default';
const unconfined = 'unconfined';

/** What clients of Docker repeat is the default as well. */
const defaultNames: readonly string[] = ['', defaultProfile, 'docker-default'];

/** The kernel's attribute of a process: what its next exec changes to (Linux 5.8). */
export const appArmorAttribute = 'attr/apparmor/exec';

/** And what it changes to at once. */
export const appArmorNow = 'attr/apparmor/current';

/**
 * The profile to change to; null: none. Throws `invalid-argument` where one is named, and so relied on, that cannot be
 * applied.
 */
export function chooseAppArmor(
  {
    appArmor,
    isPrivileged,
  }: Pick<SecurityOptions, 'appArmor'> & { readonly isPrivileged: boolean },
  { hasAppArmor }: Pick<HostFacts, 'hasAppArmor'>,
): string | null {
  const asked = appArmor ?? (isPrivileged ? unconfined : defaultProfile);
  if (asked === unconfined) return null;
  if (hasAppArmor) return defaultNames.includes(asked) ? defaultProfile : asked;
  if (defaultNames.includes(asked)) return null;
  throw new EngineError(
    'invalid-argument',
    `AppArmor profile ${JSON.stringify(asked)} cannot be applied: AppArmor is not active in this kernel`,
    { hint: 'leave it out, or write apparmor=unconfined' },
  );
}

/** Names in /sys/kernel/security/apparmor/profiles: "NAME (MODE)" line by line. */
export function parseProfiles(text: string): ReadonlySet<string> {
  const names = text.split('\n').flatMap((line) => /^(.+) \([a-z]+\)$/.exec(line)?.[1] ?? []);
  return new Set(names);
}

/**
 * As much as Docker's default allows, in words of our own. What it denies stays denied to root with every capability but
 * CAP_MAC_ADMIN: new mounts, AF_ALG sockets (CVE-2026-31431), and writing below /proc and /sys to what is the host's. A
 * process's own directory, the shared memory limits of its ipc namespace, and its cgroups stay open; seccomp and read-only
 * mounts decide about the rest.
 */
export function defaultProfileText(): string {
  const [kernelSettings, otherSettings, systems] = [
    '{[^s]**,s,s[^h]**,sh,sh[^m]**}',
    '{abi,crypto,debug,dev,fs,net,sunrpc,user,vm}/**',
    '{block,bus,class,dev,devices,firmware,hypervisor,kernel,module,power}/**',
  ];
  const directories = '{acpi,asound,bus,driver,dynamic_debug,fs,irq,scsi,sysvipc,tty}/**';
  return `profile ${defaultProfile} flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,

  # Whoever stops a container, and the container's programs among themselves.
  signal (receive) peer=unconfined,
  signal (send, receive) peer=${defaultProfile},
  ptrace (trace, read, tracedby, readby) peer=${defaultProfile},

  deny network alg,
  deny mount,

  deny /proc/* w,
  deny /proc/${directories} wklx,
  deny /proc/sys/* w,
  deny /proc/sys/${otherSettings} wklx,
  deny /proc/sys/kernel/${kernelSettings} wklx,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kcore rwklx,

  deny /sys/* w,
  deny /sys/${systems} wklx,
  deny /sys/fs/[^c]** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;
}
