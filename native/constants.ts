import { constants as fs } from 'node:fs';

/**
 * Flags as the kernel writes them. O_DIRECTORY and O_NOFOLLOW differ between architectures, so those come from Node's
 * own table; the others are the same on every architecture that Node runs on (asm-generic/fcntl.h, linux/mount.h).
 * O_CLOEXEC is not here because every function of this door sets it.
 */
export const O_RDONLY: number = fs.O_RDONLY;
export const O_WRONLY: number = fs.O_WRONLY;
export const O_RDWR: number = fs.O_RDWR;
export const O_CREAT: number = fs.O_CREAT;
export const O_EXCL: number = fs.O_EXCL;
export const O_TRUNC: number = fs.O_TRUNC;
export const O_APPEND: number = fs.O_APPEND;
export const O_NONBLOCK: number = fs.O_NONBLOCK;
export const O_DIRECTORY: number = fs.O_DIRECTORY;
export const O_NOFOLLOW: number = fs.O_NOFOLLOW;
export const O_PATH = 0o10000000;

export const MS_RDONLY = 0x1;
export const MS_NOSUID = 0x2;
export const MS_NODEV = 0x4;
export const MS_NOEXEC = 0x8;
export const MS_REMOUNT = 0x20;
export const MS_NOATIME = 0x400;
export const MS_BIND = 0x1000;
export const MS_MOVE = 0x2000;
export const MS_REC = 0x4000;
export const MS_UNBINDABLE = 0x20000;
export const MS_PRIVATE = 0x40000;
export const MS_SLAVE = 0x80000;
export const MS_SHARED = 0x100000;
export const MS_RELATIME = 0x200000;

export const MNT_DETACH = 0x2;
export const UMOUNT_NOFOLLOW = 0x8;

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
