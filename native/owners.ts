import { binding } from './binding.ts';
import { attempt } from './errors.ts';
import type { Fd } from './fd.ts';

/** Lines of user_namespaces(7): "inside outside count". */
export interface IdMaps {
  readonly users: string;
  readonly groups: string;
}

/** A user namespace that no process is in, for mounts that show their files with other owners. */
export function createUserNamespace({ users, groups }: IdMaps): Fd {
  return attempt('create a user namespace', () => binding().createUserNamespace(users, groups));
}

/** How much of a bind of `path` could show its files with the owners of a user namespace. */
export type OwnersReach = 'nothing' | 'top' | 'everything';

const reaches: readonly OwnersReach[] = ['nothing', 'top', 'everything'];

/** Tried on a mount that is thrown away: which file systems can do it, only the kernel knows. */
export function reachOfOwners(
  path: string,
  space: Fd,
  { isRecursive }: { readonly isRecursive: boolean },
): OwnersReach {
  const reach = attempt(`map the owners of "${path}"`, () =>
    binding().reachOfOwners(path, space, isRecursive),
  );
  return reaches[reach] ?? 'nothing';
}
