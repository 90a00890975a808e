/** Mark from images and from operations under way, sweep blobs and layers. */
import type { ImageContext } from './context.ts';
import { parseDocument, parseManifest } from './document.ts';
import type { Digest, Image } from './model.ts';

type SweepContext = Pick<ImageContext, 'catalog' | 'content' | 'layers' | 'leases' | 'limits'>;

/** Removes what nothing needs; returns the chainIDs of removed layers, topmost first. */
export async function sweep(context: SweepContext): Promise<readonly Digest[]> {
  const { catalog, content, layers, leases } = context;
  const needed = new Set<Digest>();
  const chains = new Set<Digest>();
  for (const image of catalog.list()) {
    for (const digest of await blobsOf(context, image)) needed.add(digest);
    for (const chainId of image.chain) chains.add(chainId);
  }
  for (const digest of await content.list())
    if (!needed.has(digest) && !leases.isHeld(digest)) await content.remove(digest);
  const unneeded = layers
    .list()
    .filter(({ chainId }) => !chains.has(chainId) && !leases.isHeld(chainId));
  for (const { chainId } of unneeded) await layers.remove(chainId);
  return unneeded.map(({ chainId }) => chainId).reverse();
}

async function blobsOf(
  { content, limits }: SweepContext,
  { id, manifest }: Image,
): Promise<readonly Digest[]> {
  const own = [id, manifest.digest];
  if (!(await content.has(manifest.digest))) return own;
  const bytes = await content.read(manifest.digest, limits.documentBytes);
  const json = parseDocument(bytes, `manifest ${manifest.digest}`);
  const { layers } = parseManifest(json, `manifest ${manifest.digest}`);
  return [...own, ...layers.map(({ digest }) => digest)];
}
