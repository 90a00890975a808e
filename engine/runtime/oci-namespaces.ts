/** `linux.namespaces` and `linux.timeOffsets` of a bundle → what the shim makes, and what is joined. */
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUTS,
} from './namespaces.ts';
import type { OciLinux, OciNamespaceType, OciTimeOffset } from './oci-config.ts';
import { refuse } from './oci-fields.ts';
import type { SandboxJoin } from './sandbox-spec.ts';

export interface OciNamespaces {
  /** CLONE_NEW* of those to make. */
  readonly made: number;
  readonly joined: readonly { readonly kind: SandboxJoin['kind']; readonly path: string }[];
  /** CLONE_NEW* of all that are not the creator's, for who joins the container later. */
  readonly own: number;
  /** Lines for /proc/PID/timens_offsets. */
  readonly timeOffsets: string;
}

const flags = {
  mount: CLONE_NEWNS,
  pid: CLONE_NEWPID,
  network: CLONE_NEWNET,
  ipc: CLONE_NEWIPC,
  uts: CLONE_NEWUTS,
  cgroup: CLONE_NEWCGROUP,
  time: CLONE_NEWTIME,
} as const;

export function ociNamespaces(linux: OciLinux | undefined): OciNamespaces {
  const seen = new Set<OciNamespaceType>();
  const joined: { kind: SandboxJoin['kind']; path: string }[] = [];
  let made = 0;
  let own = 0;
  for (const [index, { type, path }] of (linux?.namespaces ?? []).entries()) {
    const field = `linux.namespaces[${index}]`;
    if (seen.has(type)) refuse(`${field}.type`, `"${type}" is there twice`);
    seen.add(type);
    if (type === 'user')
      return refuse(`${field}.type`, '"user" is a namespace that this runtime cannot make or join');
    own |= flags[type];
    if (path === undefined || path === '') made |= flags[type];
    else if (type === 'mount')
      refuse(
        `${field}.path`,
        'asks for a mount namespace of others, which this runtime cannot join',
      );
    else if (!path.startsWith('/')) refuse(`${field}.path`, `"${path}" is no absolute path`);
    else joined.push({ kind: type, path });
  }
  if (!seen.has('mount')) {
    refuse('linux.namespaces', 'has no "mount": without it every mount would be the host\'s');
  }
  const timeOffsets = printOffsets(linux?.timeOffsets ?? {}, (made & CLONE_NEWTIME) !== 0);
  return { made: timeOffsets === '' ? made : made & ~CLONE_NEWTIME, joined, own, timeOffsets };
}

function printOffsets(
  offsets: Readonly<Record<string, OciTimeOffset>>,
  hasOwnTime: boolean,
): string {
  const entries = Object.entries(offsets);
  if (entries.length > 0 && !hasOwnTime) {
    return refuse('linux.timeOffsets', 'needs a time namespace of its own');
  }
  return entries
    .map(([clock, { secs = 0, nanosecs = 0 }]) => {
      if (clock !== 'monotonic' && clock !== 'boottime') {
        return refuse(`linux.timeOffsets.${clock}`, 'is neither "monotonic" nor "boottime"');
      }
      return `${clock} ${secs} ${nanosecs}\n`;
    })
    .join('');
}
