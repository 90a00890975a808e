/** What a container sees of its own cgroups below /sys/fs/cgroup: its limits, read-only, for programs that size themselves. */
import type { Hierarchy } from './cgroup-hierarchies.ts';
import { mountOf } from './default-mounts.ts';
import { MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY } from './mount-flags.ts';
import type { SandboxMount } from './sandbox-spec.ts';

const top = '/sys/fs/cgroup';
const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/** v1 controllers that a runtime in the container reads; devices and freezer tell it nothing. */
const visible: ReadonlySet<string> = new Set(['memory', 'cpu', 'cpuacct', 'pids']);

/**
 * Binds of the container's directories: in its own cgroup namespace they look like the root of the hierarchy, and in
 * the host's they still show nothing of others.
 */
export function cgroupView(
  hierarchies: readonly Hierarchy[],
  directoryOf: (hierarchy: Hierarchy) => string,
): readonly SandboxMount[] {
  const bind = (target: string, hierarchy: Hierarchy): SandboxMount =>
    mountOf('bind', target, {
      source: directoryOf(hierarchy),
      flags: flags | MS_BIND | MS_RDONLY,
    });
  const legacy = hierarchies.filter(({ controllers }) =>
    controllers.some((name) => visible.has(name)),
  );
  const [first] = hierarchies;
  if (legacy.length === 0) return first === undefined ? [] : [bind(top, first)];
  return [
    mountOf('tmpfs', top, { flags, data: 'mode=755,size=64k' }),
    ...legacy.map((hierarchy) => bind(`${top}/${hierarchy.controllers.join()}`, hierarchy)),
  ];
}
