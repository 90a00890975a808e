/** Media types of manifests, and which of them list manifests instead of layers. */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

export const acceptManifests: string = Object.values(mediaTypes).join(', ');

const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;

export function kindOfMediaType(type: string): 'index' | 'manifest' | 'schema1' | null {
  if (type === mediaTypes.ociIndex || type === mediaTypes.dockerList) return 'index';
  if (type === mediaTypes.ociManifest || type === mediaTypes.dockerManifest) return 'manifest';
  return schema1.test(type) ? 'schema1' : null;
}
