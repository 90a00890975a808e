/** `mounts[].options` of a bundle: words of mount(8) → flags, propagation and what is the file system's own. */
import {
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
} from './mount-flags.ts';

export interface MountOptions {
  readonly set: number;
  readonly clear: number;
  readonly recursive: { readonly set: number; readonly clear: number };
  /** 0: not said. */
  readonly propagation: number;
  readonly isBind: boolean;
  readonly isRecursive: boolean;
  readonly copiesUp: boolean;
  /** Mappings of owners that this runtime does not carry out: "idmap". */
  readonly refused: readonly string[];
  /** For the file system. */
  readonly data: readonly string[];
}

type Change = readonly [set: number, clear: number];

/** config.md, "Linux mount options"; each also with an "r" before it, for all that is mounted below. */
const attributes: Readonly<Record<string, Change>> = {
  ro: [MS_RDONLY, 0],
  rw: [0, MS_RDONLY],
  nosuid: [MS_NOSUID, 0],
  suid: [0, MS_NOSUID],
  nodev: [MS_NODEV, 0],
  dev: [0, MS_NODEV],
  noexec: [MS_NOEXEC, 0],
  exec: [0, MS_NOEXEC],
  noatime: [MS_NOATIME, 0],
  atime: [MS_RELATIME, MS_NOATIME],
  relatime: [MS_RELATIME, 0],
  norelatime: [MS_STRICTATIME, 0],
  strictatime: [MS_STRICTATIME, 0],
  nostrictatime: [MS_RELATIME, 0],
  nodiratime: [MS_NODIRATIME, 0],
  diratime: [0, MS_NODIRATIME],
  nosymfollow: [MS_NOSYMFOLLOW, 0],
  symfollow: [0, MS_NOSYMFOLLOW],
};

const propagations: Readonly<Record<string, number>> = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE | MS_REC,
};

/** Say nothing, or nothing that a new mount does not do by itself. */
const silent: ReadonlySet<string> = new Set([
  'defaults',
  'silent',
  'loud',
  'nofail',
  'async',
  'nomand',
  'nolazytime',
]);
/** What `features` tells. */
export const mountOptionNames: readonly string[] = [
  ...Object.keys(attributes).flatMap((name) => [name, `r${name}`]),
  ...Object.keys(propagations),
  ...silent,
  ...['bind', 'rbind', 'tmpcopyup'],
].sort();

const refused: ReadonlySet<string> = new Set(['idmap', 'ridmap', 'remount']);

export function parseMountOptions(options: readonly string[]): MountOptions {
  const found = {
    top: [0, 0] as Change,
    below: [0, 0] as Change,
    propagation: 0,
    ...{ isBind: false, isRecursive: false, copiesUp: false },
    refused: [] as string[],
    data: [] as string[],
  };
  for (const option of options) {
    if (takeAttribute(option, found)) continue;
    if (Object.hasOwn(propagations, option)) found.propagation = propagations[option] ?? 0;
    else if (option === 'bind' || option === 'rbind') {
      found.isBind = true;
      found.isRecursive ||= option === 'rbind';
    } else if (option === 'tmpcopyup') found.copiesUp = true;
    else if (refused.has(option)) found.refused.push(option);
    else if (!silent.has(option)) found.data.push(option);
  }
  const { top, below, ...rest } = found;
  return { set: top[0], clear: top[1], recursive: { set: below[0], clear: below[1] }, ...rest };
}

/** A later word wins over an earlier one. */
function takeAttribute(option: string, found: { top: Change; below: Change }): boolean {
  const own = Object.hasOwn(attributes, option) ? attributes[option] : undefined;
  if (own !== undefined) {
    found.top = combine(found.top, own);
    return true;
  }
  const name = option.slice(1);
  const recursive =
    option.startsWith('r') && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (recursive === undefined) return false;
  found.below = combine(found.below, recursive);
  return true;
}

const accessTimes = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;

function combine([set, clear]: Change, [add, take]: Change): Change {
  const kept = (add & accessTimes) === 0 ? set : set & ~accessTimes;
  return [(kept & ~take) | add, (clear & ~add) | take];
}
