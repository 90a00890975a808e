/**
 * What a client may ask of this engine beyond Docker's API. It travels in `HostConfig.Annotations`, which Docker hands to
 * the OCI runtime and otherwise ignores; an image cannot set them, as it can labels.
 */
import { EngineError } from '../api/index.ts';
import type { HostConfig } from '../api/index.ts';
import type { HostFacts } from '../runtime/index.ts';
import type { BindMount, MountRequest, Owner } from '../../volumes/index.ts';

/** `UID:GID`, for every bind mount, or by target: `{"/app":"1000:1000"}`. */
const bindOwner = 'tscompose.bind-owner';

/** `{"/run/secrets/token":"UID:GID:MODE"}`, the mode octal: copies of what is bound there instead of mounts. */
const fileModes = 'tscompose.file-modes';

/** `true` or `false`. */
const coreSchedulingName = 'tscompose.core-sched';

export function wantsCoreScheduling({ Annotations }: Pick<HostConfig, 'Annotations'>): boolean {
  return Annotations?.[coreSchedulingName] === 'true';
}

/** What the machine cannot do of it, as warnings. Throws `invalid-argument` for another value. */
export function coreSchedulingProblems(
  host: Pick<HostConfig, 'Annotations'>,
  { coreScheduling }: Pick<HostFacts, 'coreScheduling'>,
): readonly string[] {
  const written = host.Annotations?.[coreSchedulingName];
  if (written !== undefined && !['true', 'false'].includes(written))
    throw refused(coreSchedulingName, `"${written}" is neither true nor false`);
  if (!wantsCoreScheduling(host) || coreScheduling === 'available') return [];
  const reason =
    coreScheduling === 'not-built'
      ? 'this kernel cannot do it (CONFIG_SCHED_CORE, Linux 5.14); prctl(PR_SCHED_CORE): EINVAL'
      : 'no core of this machine has several hardware threads, so none is shared; prctl(PR_SCHED_CORE): ENODEV';
  return [`core-sched has no effect: ${reason}`];
}

/** The mounts with the owners and modes asked for. */
export function withAnnotations(
  mounts: readonly MountRequest[],
  hostConfig: Pick<HostConfig, 'Annotations'>,
): readonly MountRequest[] {
  return withFileModesAsked(withOwnersAsked(mounts, hostConfig), hostConfig);
}

function withFileModesAsked(
  mounts: readonly MountRequest[],
  { Annotations }: Pick<HostConfig, 'Annotations'>,
): readonly MountRequest[] {
  const written = Annotations?.[fileModes];
  if (written === undefined) return mounts;
  const asked = readTargets({ name: fileModes, written, read: readFileMode });
  requireBound({ name: fileModes, mounts, targets: asked.keys() });
  return mounts.map((mount) => {
    const file = asked.get(mount.target);
    return mount.kind === 'bind' && file !== undefined ? { ...mount, file } : mount;
  });
}

function readFileMode(written: string): NonNullable<BindMount['file']> {
  const [, owner = '', mode = ''] = /^(\d+:\d+):(0?[0-7]{3})$/.exec(written) ?? [];
  if (mode !== '') return { ...readOwner(owner), mode: Number.parseInt(mode, 8) };
  throw refused(fileModes, `"${written}" is not UID:GID:MODE in numbers, the mode octal`);
}

function withOwnersAsked(
  mounts: readonly MountRequest[],
  { Annotations }: Pick<HostConfig, 'Annotations'>,
): readonly MountRequest[] {
  const written = Annotations?.[bindOwner];
  if (written === undefined) return mounts;
  const asked = written.startsWith('{')
    ? readTargets({ name: bindOwner, written, read: readOwner })
    : null;
  const everywhere = asked === null ? readOwner(written) : undefined;
  requireBound({ name: bindOwner, mounts, targets: asked?.keys() ?? [] });
  return mounts.map((mount) => {
    const owner = asked?.get(mount.target) ?? everywhere;
    return mount.kind === 'bind' && owner !== undefined ? { ...mount, owner } : mount;
  });
}

function requireBound({
  name,
  mounts,
  targets,
}: {
  readonly name: string;
  readonly mounts: readonly MountRequest[];
  readonly targets: Iterable<string>;
}): void {
  const binds = mounts.filter(({ kind }) => kind === 'bind').map(({ target }) => target);
  for (const target of targets)
    if (!binds.includes(target)) throw refused(name, `nothing is bound to "${target}"`);
}

function readTargets<T>({
  name,
  written,
  read,
}: {
  readonly name: string;
  readonly written: string;
  readonly read: (value: string) => T;
}): ReadonlyMap<string, T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(written);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refused(name, error.message);
  }
  return new Map(
    Object.entries(parsed as Record<string, unknown>).map(([target, value]) => [
      target,
      read(typeof value === 'string' ? value : JSON.stringify(value)),
    ]),
  );
}

/** 2^32 - 1 stands for "no id". */
const mostId = 4_294_967_294;

function readOwner(written: string): Owner {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(written) ?? [];
  const owner = { uid: Number(uid), gid: Number(gid) };
  if (owner.uid <= mostId && owner.gid <= mostId) return owner;
  throw refused(bindOwner, `"${written}" is not UID:GID in numbers`);
}

function refused(name: string, reason: string): EngineError {
  return new EngineError('invalid-argument', `invalid annotation ${name}: ${reason}`);
}
