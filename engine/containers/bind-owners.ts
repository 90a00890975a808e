/**
 * Bind mounts whose files show other owners in the container than on the host, so that what root makes there belongs to
 * the user who asked. Not every file system can do that; such a bind is made as it is, and said so once, when the
 * container is created.
 */
import type { SandboxMount } from '../runtime/index.ts';
import {
  createUserNamespace,
  duplicateFd,
  isSyscallError,
  MS_REC,
  reachOfOwners,
  type Fd,
  type OwnersReach,
} from '../../native/index.ts';
import { ownerMaps } from '../../volumes/index.ts';
import type { BindMount, Owner, ResolvedMount } from '../../volumes/index.ts';
import { fileSystemOf } from './mount-table.ts';

/** One for each owner, for as long as the engine lives; null: the kernel makes none. */
const spaces = new Map<string, Fd | null>();

function spaceOf(owner: Owner): Fd | null {
  const key = `${owner.uid}:${owner.gid}`;
  const known = spaces.get(key);
  if (known !== undefined) return known;
  const made = tryMake(owner);
  spaces.set(key, made);
  return made;
}

/** user.max_user_namespaces may be 0, and an engine in a container may not map ids. */
function tryMake(owner: Owner): Fd | null {
  try {
    return createUserNamespace(ownerMaps(owner));
  } catch (error) {
    if (isSyscallError(error, 'EPERM', 'ENOSPC', 'EUSERS', 'EINVAL')) return null;
    throw error;
  }
}

/** What the creation of a container has to say about a bind; null: it can be done. */
export function ownerProblem({ source, owner, isRecursive }: BindMount): string | null {
  if (owner === undefined || owner.uid === 0) return null;
  const space = spaceOf(owner);
  if (space === null)
    return `bind-owner has no effect on "${source}": this kernel makes no user namespace; what root makes there belongs to root`;
  switch (reachOfOwners(source, space, { isRecursive })) {
    case 'everything':
      return null;
    case 'top':
      return `bind-owner has no effect on some of what is mounted below "${source}": what root makes there belongs to root`;
    case 'nothing':
      return `bind-owner has no effect on "${source}": its file system (${fileSystemOf(source)}) cannot map owners; what root makes there belongs to root`;
  }
}

/** The owners of one bind as mounts are made with them. */
export interface MountOwners {
  readonly space: Fd;
  readonly isTopOnly: boolean;
}

/**
 * null: the bind is made as it is. So it is for a container whose user has the owner's id, who can write there already,
 * and whom the map would lock out.
 */
export function ownersOf(
  { owner, source, flags }: ResolvedMount,
  user: { readonly uid: number },
): MountOwners | null {
  if (owner === null || owner.uid === 0 || owner.uid === user.uid) return null;
  const space = spaceOf(owner);
  if (space === null) return null;
  const reach: OwnersReach = reachOfOwners(source, space, { isRecursive: (flags & MS_REC) !== 0 });
  return reach === 'nothing' ? null : { space, isTopOnly: reach === 'top' };
}

export interface GivenMounts {
  readonly mounts: readonly SandboxMount[];
  /** For the shim, in this order; the caller's to close. */
  readonly fds: readonly Fd[];
}

/** `firstFd` is what the first of them will be in the shim. */
export function giveOwners(
  mounts: readonly ResolvedMount[],
  { user, firstFd }: { readonly user: { readonly uid: number }; readonly firstFd: number },
): GivenMounts {
  const fds: Fd[] = [];
  const given = mounts.map((mount): SandboxMount => {
    const { owner: _owner, ...rest } = mount;
    const owners = ownersOf(mount, user);
    if (owners === null) return rest;
    fds.push(duplicateFd(owners.space));
    const fd = firstFd + fds.length - 1;
    return { ...rest, owners: { fd, isTopOnly: owners.isTopOnly } };
  });
  return { mounts: given, fds };
}
