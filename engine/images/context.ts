import type { Catalog } from './catalog.ts';
import type { ContentStore } from './content.ts';
import type { LayerStore } from './layer-store.ts';
import type { Leases } from './leases.ts';
import type { ArchiveLimits } from './model.ts';

/** What the operations on images work with; each declares the slice it takes. */
export interface ImageContext {
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly catalog: Catalog;
  readonly leases: Leases;
  readonly limits: ArchiveLimits;
  /** As image-spec writes them: "linux", "amd64". */
  readonly platform: { readonly os: string; readonly architecture: string };
  readonly now: () => Date;
}
