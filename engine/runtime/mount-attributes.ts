/** mount(2)'s flags as mount_setattr(2)'s attributes: the first four are the same bits, access times are not. */
import {
  MS_NOATIME,
  MS_NODIRATIME,
  MS_NOSYMFOLLOW,
  MS_RELATIME,
  MS_STRICTATIME,
} from './mount-flags.ts';

const sameBits = 0xf; // RDONLY, NOSUID, NODEV, NOEXEC
const attrNoatime = 0x10;
const attrStrictatime = 0x20;
const attrAtimeMask = 0x70;
const attrNodiratime = 0x80;
const attrNosymfollow = 0x200000;

/** A mount is as its source is where nothing was asked for; access times are one field, so asking clears it first. */
export function attributesOf(flags: number): { readonly set: number; readonly clear: number } {
  const atime =
    (flags & MS_NOATIME) !== 0 ? attrNoatime : (flags & MS_STRICTATIME) !== 0 ? attrStrictatime : 0;
  const asksForAtime = (flags & (MS_NOATIME | MS_STRICTATIME | MS_RELATIME)) !== 0;
  return {
    set:
      (flags & sameBits) |
      atime |
      ((flags & MS_NODIRATIME) === 0 ? 0 : attrNodiratime) |
      ((flags & MS_NOSYMFOLLOW) === 0 ? 0 : attrNosymfollow),
    clear: asksForAtime ? attrAtimeMask : 0,
  };
}
