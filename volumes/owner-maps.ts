/**
 * Who owns the files of a bind mount, as the container sees it. A mount shows ids one to one (mount_setattr(2)), so
 * that the owner on the host can be root in the container only if root on the host is somebody else there, and the id
 * of the owner somebody else on the host. Both are the stranger, an id that no system gives to anybody:
 *
 *   on the host     in the container
 *   owner       ↔   0
 *   0           ↔   stranger
 *   stranger    ↔   owner
 *   any other   ↔   the same
 *
 * The shorter way, exchanging 0 and the owner, would let a process of the container that runs with the owner's id, and
 * has no privilege, make files of the host's root and write to those that are there.
 */
import type { Owner } from './model.ts';

/** Below 2^31, and above what is given to users, services and containers (systemd's UIDS-GIDS.md). */
const stranger = 2_147_483_647;
/** 2^32 - 1 means "no id". */
const ids = 4_294_967_295;

/** Lines for uid_map and gid_map of user_namespaces(7): the id on the host, the id in the container, how many. */
export function ownerMaps({ uid, gid }: Owner): {
  readonly users: string;
  readonly groups: string;
} {
  return { users: mapOf(uid), groups: mapOf(gid) };
}

function mapOf(owner: number): string {
  const moved = new Map<number, number>();
  if (owner !== 0) moved.set(0, stranger).set(stranger, owner).set(owner, 0);
  const places = [...moved].sort(([one], [other]) => one - other);
  const lines: string[] = [];
  let next = 0;
  for (const [host, inside] of places) {
    if (host > next) lines.push(`${next} ${next} ${host - next}`);
    lines.push(`${host} ${inside} 1`);
    next = host + 1;
  }
  if (next < ids) lines.push(`${next} ${next} ${ids - next}`);
  return `${lines.join('\n')}\n`;
}
