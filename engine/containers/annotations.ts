/**
 * What a client may ask of this engine beyond Docker's API. It travels in `HostConfig.Annotations`, which Docker hands to
 * the OCI runtime and otherwise ignores; an image cannot set them, as it can labels.
 */
import { EngineError } from '../api/index.ts';
import type { HostConfig } from '../api/index.ts';
import type { MountRequest, Owner } from '../../volumes/index.ts';

/** `UID:GID`, for every bind mount, or by target: `{"/app":"1000:1000"}`. */
const bindOwner = 'tscompose.bind-owner';

/** The mounts with the owners asked for. */
export function withOwnersAsked(
  mounts: readonly MountRequest[],
  { Annotations }: Pick<HostConfig, 'Annotations'>,
): readonly MountRequest[] {
  const written = Annotations?.[bindOwner];
  if (written === undefined) return mounts;
  const asked = written.startsWith('{') ? readTargets(written) : null;
  const everywhere = asked === null ? readOwner(written) : undefined;
  const binds = mounts.filter(({ kind }) => kind === 'bind').map(({ target }) => target);
  for (const target of asked?.keys() ?? [])
    if (!binds.includes(target)) throw refused(`nothing is bound to "${target}"`);
  return mounts.map((mount) => {
    const owner = asked?.get(mount.target) ?? everywhere;
    return mount.kind === 'bind' && owner !== undefined ? { ...mount, owner } : mount;
  });
}

function readTargets(written: string): ReadonlyMap<string, Owner> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(written);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refused(error.message);
  }
  return new Map(
    Object.entries(parsed as Record<string, unknown>).map(([target, owner]) => [
      target,
      readOwner(typeof owner === 'string' ? owner : JSON.stringify(owner)),
    ]),
  );
}

/** 2^32 - 1 stands for "no id". */
const mostId = 4_294_967_294;

function readOwner(written: string): Owner {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(written) ?? [];
  const owner = { uid: Number(uid), gid: Number(gid) };
  if (owner.uid <= mostId && owner.gid <= mostId) return owner;
  throw refused(`"${written}" is not UID:GID in numbers`);
}

function refused(reason: string): EngineError {
  return new EngineError('invalid-argument', `invalid annotation ${bindOwner}: ${reason}`);
}
