/** What of the host's mounts matters for a bind: proc_pid_mountinfo(5). */
import { readFileSync, realpathSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import type { BindMount } from '../../volumes/index.ts';

interface HostMount {
  readonly point: string;
  readonly type: string;
  readonly isShared: boolean;
  readonly isSlave: boolean;
}

/** The mount that a path is in: the topmost of those with the longest name. */
function mountOf(path: string): HostMount | null {
  const real = realpathSync(path);
  let found: HostMount | null = null;
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const mount = parse(line);
    if (mount === null || !isIn(real, mount.point)) continue;
    if (found === null || mount.point.length >= found.point.length) found = mount;
  }
  return found;
}

/** `36 35 98:0 /root /point options shared:1 - ext4 source super`, with any number of fields before the hyphen. */
function parse(line: string): HostMount | null {
  const fields = line.split(' ');
  const end = fields.indexOf('-', 6);
  const [point, type] = [fields[4], fields[end + 1]];
  if (end < 0 || point === undefined || type === undefined) return null;
  const optional = fields.slice(6, end);
  return {
    point: point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    ),
    type,
    isShared: optional.some((field) => field.startsWith('shared:')),
    isSlave: optional.some((field) => field.startsWith('master:')),
  };
}

function isIn(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

/** "ext4"; empty where nobody can say. */
export function fileSystemOf(path: string): string {
  return mountOf(path)?.type ?? '';
}

/** What is mounted later passes between host and container only if the source's own mount lets it (moby `daemon/oci_linux.go`). */
export function requirePropagation({ source, propagation }: BindMount): void {
  const isShared = propagation === 'shared' || propagation === 'rshared';
  const isSlave = propagation === 'slave' || propagation === 'rslave';
  if (!isShared && !isSlave) return;
  const mount = mountOf(source);
  if (mount === null || mount.isShared || (isSlave && mount.isSlave)) return;
  const wanted = isShared ? 'shared' : 'shared or slave';
  throw new EngineError(
    'invalid-argument',
    `path ${source} is mounted on ${mount.point} but it is not a ${wanted} mount`,
    { hint: `mount --make-shared ${mount.point}` },
  );
}
