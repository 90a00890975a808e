/**
 * The only door to the kernel: thin typed wrappers over the addon and the paths of the static helpers.
 * Belongs here: one system call per function, descriptors, errno. Does not belong here: any policy.
 */
export type { Fd } from './fd.ts';
