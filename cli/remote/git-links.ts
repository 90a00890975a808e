/** Symbolic links of a fetched tree: those that stay in it are made, the others stay text files with their target. */
import { lstat, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface TreeLink {
  /** Below the root of the tree. */
  readonly path: string;
  readonly target: string;
}

/**
 * Git wrote every link as a file with its target as text (core.symlinks=false). A link may be made when its target is
 * relative, has `..` only at its beginning, and no more of them than the link has directories above it: then following it
 * starts in a real directory of the tree, goes up within the tree, and only down from there; and what is down is again in
 * the tree or a link of which the same is true.
 */
export function isContained({ path, target }: TreeLink): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const depth = path.split('/').length - 1;
  const steps = target.split('/').filter((step) => step !== '' && step !== '.');
  const ups = steps.findIndex((step) => step !== '..');
  const leading = ups === -1 ? steps.length : ups;
  if (steps.slice(leading).some((step) => step === '..' || step.toLowerCase() === '.git')) {
    return false;
  }
  return leading <= depth;
}

/** Returns the paths that stayed text. */
export async function makeLinks(root: string, links: readonly TreeLink[]): Promise<string[]> {
  const left: string[] = [];
  for (const link of links) {
    const path = join(root, link.path);
    if (!isContained(link) || !(await lstat(path)).isFile()) {
      left.push(link.path);
      continue;
    }
    await unlink(path);
    await symlink(link.target, path);
  }
  return left;
}
