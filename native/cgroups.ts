import { binding } from './binding.ts';
import { attempt } from './errors.ts';
import type { Fd } from './fd.ts';

/**
 * Loads an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE (Linux 4.15): 8 bytes an instruction. EACCES or EINVAL from
 * the verifier, EPERM without CAP_BPF, ENOSYS or EINVAL from a kernel without CONFIG_CGROUP_BPF.
 */
export function loadDeviceProgram(instructions: Uint8Array): Fd {
  return attempt('load a device program', () => binding().loadDeviceProgram(instructions));
}

/** It stays with the directory, which is one of cgroup v2, until that is removed; both descriptors may be closed. */
export function attachDeviceProgram(cgroup: Fd, program: Fd): void {
  attempt('attach a device program to a cgroup', () => {
    binding().attachDeviceProgram(cgroup, program);
  });
}
