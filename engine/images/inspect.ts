/** Images in the shapes of the Docker Engine API. */
import {
  familiarReference,
  parseReference,
  type ImageInspect,
  type ImageSummary,
} from '../api/index.ts';
import type { Image } from './model.ts';

/** Go's zero time: what Docker says when nobody knows. */
const never = '0001-01-01T00:00:00Z';

export function toInspect(image: Image): ImageInspect {
  const { document } = image;
  return {
    Id: image.id,
    RepoTags: image.names.map(familiar),
    RepoDigests: image.repoDigests.map(familiar),
    Parent: '',
    Comment: document.comment ?? document.history.at(-1)?.comment ?? '',
    Created: document.created ?? never,
    DockerVersion: '',
    Author: document.author ?? '',
    Architecture: document.architecture,
    ...(document.variant !== undefined && { Variant: document.variant }),
    Os: document.os,
    Size: image.sizeBytes,
    GraphDriver: { Name: 'overlay2', Data: {} },
    RootFS: { Type: 'layers', Layers: document.rootfs.diff_ids },
    Metadata: { LastTagTime: image.lastTagTime },
    Config: document.config,
  };
}

export function toSummary(image: Image): ImageSummary {
  const created = Date.parse(image.document.created ?? '');
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: image.names.map(familiar),
    RepoDigests: image.repoDigests.map(familiar),
    Created: Number.isNaN(created) ? 0 : Math.floor(created / 1000),
    Size: image.sizeBytes,
    SharedSize: -1,
    Containers: -1,
    Labels: image.document.config.Labels ?? {},
  };
}

export function familiar(canonical: string): string {
  return familiarReference(parseReference(canonical));
}
