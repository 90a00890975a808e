/** Image archives as `docker save` and OCI tools write them, made of layers that a test brings. */
import { createHash } from 'node:crypto';
import { tar } from './tar-builder.ts';

export interface TestImage {
  /** Bottom first; plain tars. */
  readonly layers: readonly Buffer[];
  readonly tags?: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly os?: string;
  /** In place of the true digests. */
  readonly diffIds?: readonly string[];
  /** How the layers are packed inside the archive. */
  readonly pack?: (layer: Buffer) => Buffer;
}

export function sha256(bytes: Buffer | string): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function configOf({ layers, config = {}, os = 'linux', diffIds }: TestImage): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os,
      created: '2026-01-02T03:04:05.678Z',
      config,
      rootfs: { type: 'layers', diff_ids: diffIds ?? layers.map(sha256) },
      history: layers.map(() => ({ created_by: 'test' })),
    }),
  );
}

export function dockerArchive(...images: readonly TestImage[]): Buffer {
  const members = images.flatMap((image, index) => {
    const pack = image.pack ?? ((layer: Buffer) => layer);
    return [
      ...image.layers.map((layer, at) => ({ name: `${index}-${at}/layer.tar`, data: pack(layer) })),
      { name: `${index}.json`, data: configOf(image) },
    ];
  });
  const manifest = images.map(({ layers, tags }, index) => ({
    Config: `${index}.json`,
    RepoTags: tags ?? null,
    Layers: layers.map((_, at) => `${index}-${at}/layer.tar`),
  }));
  return tar(...members, { name: 'manifest.json', data: JSON.stringify(manifest) });
}

/** One image as an OCI image layout. */
export function ociArchive(
  image: TestImage,
  damage: (blob: Buffer) => Buffer = (blob) => blob,
): Buffer {
  const config = configOf(image);
  const layers = image.layers.map(image.pack ?? ((layer) => layer));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map((layer) => descriptor('application/vnd.oci.image.layer.v1.tar', layer)),
    }),
  );
  const index = {
    schemaVersion: 2,
    manifests: (image.tags ?? []).map((name) => ({
      ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
      annotations: { 'io.containerd.image.name': name },
    })),
  };
  const blobs = [config, ...layers, manifest];
  return tar(
    { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', data: JSON.stringify(index) },
    { name: 'blobs/', flag: '5' },
    ...blobs.map((blob) => ({ name: `blobs/sha256/${sha256(blob).slice(7)}`, data: damage(blob) })),
  );
}

function descriptor(mediaType: string, bytes: Buffer): object {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}
