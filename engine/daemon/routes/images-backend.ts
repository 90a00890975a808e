import type { Readable } from 'node:stream';

import type { ImageDeleted, ImageInspect, ImageSummary } from '../../api/index.ts';

export interface ImportOptions {
  /** `name[:tag]`, normalised by nobody yet; null: an image without a name. */
  readonly reference: string | null;
  /** Dockerfile instructions as written: `CMD ["sh"]`. */
  readonly changes: readonly string[];
  readonly message: string;
  readonly platform: string | null;
}

export interface RemoveImageOptions {
  readonly force: boolean;
  readonly noPrune: boolean;
}

/** What the image routes need. `ref` is an id, its prefix, or a reference. */
export interface ImageBackend {
  list(): Promise<readonly ImageSummary[]>;
  /** Throws `not-found` with `No such image: ref`. */
  inspect(ref: string): Promise<ImageInspect>;
  /** Null when there is none. */
  findId(ref: string): Promise<string | null>;
  /** Resolves to the loaded references, or ids where an archive names none. */
  load(archive: Readable, abort: AbortSignal): Promise<readonly string[]>;
  /** Resolves to the image's id, `sha256:…`. */
  import(archive: Readable, options: ImportOptions, abort: AbortSignal): Promise<string>;
  /** `target` is `repository:tag`, checked against the reference grammar. */
  tag(ref: string, target: string): Promise<void>;
  remove(ref: string, options: RemoveImageOptions): Promise<readonly ImageDeleted[]>;
}
