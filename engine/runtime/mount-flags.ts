/** MS_* of mount(2) as linux/mount.h numbers them, equal on every architecture, and their names for printed forms. */
export const MS_RDONLY = 0x1;
export const MS_NOSUID = 0x2;
export const MS_NODEV = 0x4;
export const MS_NOEXEC = 0x8;
export const MS_NOSYMFOLLOW = 0x100;
export const MS_NOATIME = 0x400;
export const MS_NODIRATIME = 0x800;
export const MS_BIND = 0x1000;
export const MS_REC = 0x4000;
export const MS_UNBINDABLE = 0x20000;
export const MS_PRIVATE = 0x40000;
export const MS_SLAVE = 0x80000;
export const MS_SHARED = 0x100000;
export const MS_RELATIME = 0x200000;
export const MS_STRICTATIME = 0x1000000;

const names: readonly (readonly [flag: number, name: string])[] = [
  [MS_RDONLY, 'ro'],
  [MS_NOSUID, 'nosuid'],
  [MS_NODEV, 'nodev'],
  [MS_NOEXEC, 'noexec'],
  [MS_NOSYMFOLLOW, 'nosymfollow'],
  [MS_NOATIME, 'noatime'],
  [MS_NODIRATIME, 'nodiratime'],
  [MS_RELATIME, 'relatime'],
  [MS_STRICTATIME, 'strictatime'],
  [MS_BIND, 'bind'],
  [MS_REC, 'rec'],
  [MS_UNBINDABLE, 'unbindable'],
  [MS_PRIVATE, 'private'],
  [MS_SLAVE, 'slave'],
  [MS_SHARED, 'shared'],
];

/** "ro,nosuid"; bits without a name are printed as a number, so that two different sets never print alike. */
export function printMountFlags(flags: number): string {
  const known = names.filter(([flag]) => (flags & flag) !== 0);
  const rest = known.reduce((left, [flag]) => left & ~flag, flags);
  return [...known.map(([, name]) => name), ...(rest === 0 ? [] : [`0x${rest.toString(16)}`])].join(
    ',',
  );
}
