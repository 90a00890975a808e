import type { LoadContext } from './context.ts';
import type { Path, Source, TreeMap } from './tree.ts';

/** One document on its way to being merged. */
export interface FileScope {
  readonly root: TreeMap;
  readonly source: Source;
  /** What it resets or overrides in what it is merged onto. */
  readonly taken: readonly Path[];
  readonly context: LoadContext;
  /** Files that include this one, outermost first. */
  readonly includedFrom: readonly string[];
}

/** A step over one file, in place. */
export type FilePhase = (scope: FileScope) => void;
/** A step over the merged tree, in place. */
export type TreePhase = (root: TreeMap, context: LoadContext) => void;
