import { createHash } from 'node:crypto';
import type { NetworkResource } from '../model/network.ts';
import type { Service } from '../model/service.ts';
import type { VolumeResource } from '../model/volume.ts';

/** What changes nothing of a running container: how it is built, how many there are, in which order. */
const ignored = new Set(['build', 'pull_policy', 'scale', 'depends_on', 'profiles', 'develop']);

/** sha256 of the canonical JSON of a service; a container with another one is recreated. */
export function serviceHash(service: Service): string {
  const kept = Object.entries(service).filter(([key]) => !ignored.has(key));
  const own: Record<string, unknown> = Object.fromEntries(kept);
  if (service.deploy !== undefined) {
    const { replicas: _replicas, ...deploy } = service.deploy;
    own['deploy'] = deploy;
  }
  return hash(own);
}

export function resourceHash(resource: NetworkResource | VolumeResource): string {
  return hash(resource);
}

function hash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** JSON with the keys of every mapping in order, so that equal values have equal text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}
