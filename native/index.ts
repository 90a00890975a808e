/**
 * The only door to the kernel: thin typed wrappers over the addon and the paths of the static helpers.
 * Belongs here: one system call per function, descriptors, errno. Does not belong here: any policy.
 */
export type { Fd } from './fd.ts';
export type { Bytes } from './binding.ts';
export * from './cgroups.ts';
export * from './constants.ts';
export * from './descriptors.ts';
export { errnoName, isSyscallError, SyscallError } from './errors.ts';
export * from './files.ts';
export * from './helpers.ts';
export * from './mounts.ts';
export * from './namespaces.ts';
export * from './netlink.ts';
export * from './owners.ts';
export * from './processes.ts';
export * from './roots.ts';
export type { DirectoryEntry, FileStat, FileType } from './records.ts';
export * from './sockets.ts';
