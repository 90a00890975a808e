/** `--volumes-from`: the volumes and binds of other containers, as these were made. */
import { EngineError } from '../api/index.ts';
import { findOther } from './joined.ts';
import type { MountRecord } from './container.ts';
import type { ContainerContext } from './context.ts';

/** What Docker takes behind the container; only `ro` has a meaning of its own on Linux without SELinux. */
const modes: readonly string[] = [
  ...['ro', 'rw', 'z', 'Z', 'nocopy', 'consistent', 'cached', 'delegated'],
  ...['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'],
];

/** By target: of two sources with the same the later one counts. */
export function inheritedMounts(
  ctx: Pick<ContainerContext, 'containers'>,
  sources: readonly string[],
): ReadonlyMap<string, MountRecord> {
  const mounts = new Map<string, MountRecord>();
  for (const source of sources) {
    const { ref, isReadonly } = parseSource(source);
    for (const mount of findOther(ctx, ref).record.mounts) {
      const { request } = mount;
      if (request.kind === 'tmpfs') continue;
      const heir =
        request.kind === 'image'
          ? { ...mount, isAnonymous: false }
          : inherit(mount, request, isReadonly);
      mounts.set(request.target, heir);
    }
  }
  return mounts;
}

function parseSource(source: string): { readonly ref: string; readonly isReadonly: boolean } {
  const at = source.indexOf(':');
  const ref = at < 0 ? source : source.slice(0, at);
  const mode = at < 0 ? 'rw' : source.slice(at + 1);
  if (ref === '')
    throw new EngineError('invalid-argument', 'malformed volumes-from specification: ');
  const words = mode.split(',');
  if (!words.every((word) => modes.includes(word)))
    throw new EngineError('invalid-argument', `invalid mode: ${mode}`);
  return { ref, isReadonly: words.includes('ro') };
}

/** The heir never takes an anonymous volume away: it is the other's. */
function inherit(
  { point }: MountRecord,
  request: Extract<MountRecord['request'], { readonly kind: 'volume' | 'bind' }>,
  isAskedReadonly: boolean,
): MountRecord {
  const isReadonly = request.isReadonly || isAskedReadonly;
  return {
    point: { ...point, Mode: '', RW: !isReadonly },
    request:
      request.kind === 'volume'
        ? { ...request, isReadonly, hasNoCopy: true }
        : { ...request, isReadonly },
    isAnonymous: false,
  };
}
