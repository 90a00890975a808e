/** Why the shim could not make a mount, in Docker's words. */
import { EngineError } from '../api/index.ts';
import { ShimError } from '../runtime/index.ts';
import type { SandboxMount } from '../runtime/index.ts';

type Mount = Pick<SandboxMount, 'kind' | 'source' | 'target' | 'subpath'>;

/** The shim names the source of a bind and the target of anything else. */
export function explainMount(error: unknown, mounts: readonly Mount[]): unknown {
  if (!(error instanceof ShimError) || error.stage !== 'mount') return error;
  const mount = mounts.find(
    ({ source, target, subpath = '' }) =>
      subpath !== '' && (source === '' ? target : source) === error.path,
  );
  const reason = mount === undefined ? null : reasonOf(error.errno, mount);
  if (reason === null) return error;
  return new EngineError('invalid-argument', reason, { cause: error });
}

function reasonOf(errno: string, { source, subpath = '' }: Mount): string | null {
  if (errno === 'EXDEV')
    return `path concatenation escapes the base directory, base: ${source}, subpath: ${subpath}`;
  const words = { ENOENT: 'no such file or directory', ENOTDIR: 'not a directory' };
  const word = (words as Readonly<Record<string, string>>)[errno];
  if (word === undefined) return null;
  const path = `${source}/${subpath}`;
  return `cannot access path ${path}: lstat ${path}: ${word}`;
}
