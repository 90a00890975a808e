/**
 * What counts as changed. The hash of a service is that of its canonical JSON, as docker compose computes it, so that
 * containers made by either are taken over by the other; files that the container is given count with their content.
 */
import { createHash } from 'node:crypto';
import type { NetworkResource } from '../model/network.ts';
import type { Project } from '../model/project.ts';
import type { FileReference, FileResource } from '../model/secret.ts';
import type { Service } from '../model/service.ts';
import type { VolumeResource } from '../model/volume.ts';
import { compactJson } from '../render/json.ts';
import { bindOwnersWritten } from './create/bind-owners.ts';
import { hardeningWritten } from './create/hardening.ts';
import { node, typedJson } from '../render/nodes.ts';
import { networkShape, type ObjectShape, serviceShape, volumeShape } from '../render/shapes.ts';

/** What changes nothing of a running container: how it is built, how many there are, in which order. */
const ignored = new Set(['build', 'pull_policy', 'scale', 'depends_on', 'profiles']);

/** Where what a service is given comes from. */
export type HashedProject = Pick<
  Project,
  'configs' | 'environment' | 'extensions' | 'fileDigest' | 'secrets'
>;

/** sha256 in hex; a container with another one is recreated. */
export function serviceHash(service: Service, project: HashedProject): string {
  const kept = Object.entries(service).filter(([key]) => !ignored.has(key));
  const own: Record<string, unknown> = { ...Object.fromEntries(kept), deploy: deployOf(service) };
  const files = [
    ...filesOf('secrets', service.secrets ?? [], project),
    ...filesOf('configs', service.configs ?? [], project),
  ];
  const owners = bindOwnersWritten(service, project);
  const beside = [files, owners, hardeningWritten(service, project)].filter(
    (list) => list.length > 0,
  );
  return sha256(
    [jsonOf(own, serviceShape), ...beside.map((list) => JSON.stringify(list))].join('\n'),
  );
}

export function networkHash(network: NetworkResource): string {
  return sha256(jsonOf(network, networkShape));
}

export function volumeHash(volume: VolumeResource): string {
  return sha256(jsonOf(volume, volumeShape));
}

/** How many replicas there are is no matter of each of them. */
function deployOf({ deploy }: Service): unknown {
  if (deploy === undefined) return undefined;
  const { replicas: _replicas, ...rest } = deploy;
  const hasMore = Object.values(rest).some(
    (value) => typeof value !== 'object' || Object.keys(value).length > 0,
  );
  return hasMore ? rest : undefined;
}

type Sourced = readonly [kind: string, source: string, path: string | null, digest: string | null];

function filesOf(
  kind: 'configs' | 'secrets',
  references: readonly FileReference[],
  project: HashedProject,
): Sourced[] {
  return references.map(({ source }) => {
    const resource = project[kind][source];
    const place = resource?.external === true ? resource.name : resource?.file;
    return [kind, source, place ?? null, resource ? digestOf(resource, project) : null];
  });
}

/** null: there is nothing to read, or an engine has it. */
function digestOf(
  resource: FileResource,
  { environment, fileDigest }: HashedProject,
): string | null {
  const { content, environment: variable, file } = resource;
  if (content !== undefined) return sha256(content);
  if (variable !== undefined) {
    const value = environment[variable];
    return value === undefined ? null : sha256(value);
  }
  return file === undefined ? null : fileDigest(file);
}

function jsonOf(value: object, shape: ObjectShape): string {
  return compactJson(node(value, shape, typedJson));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
