/**
 * Reads the JSON documents of foreign archives: image config, manifests, indexes. Everything is checked by type and
 * taken over field by field; what an image says is never spread into an object of ours.
 */
import { EngineError } from '../api/index.ts';
import { isDigest } from './digest.ts';
import type {
  Descriptor,
  HealthcheckConfig,
  HistoryEntry,
  ImageDocument,
  RunConfig,
} from './model.ts';

type Json = Readonly<Record<string, unknown>>;

/** Parses one document; `what` names it in the message. */
export function parseDocument(bytes: Uint8Array, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid(`${what} is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw invalid(`${what} is not an object`);
  return value;
}

/** A document that is a list of objects: Docker's manifest.json. */
export function parseList(bytes: Uint8Array, what: string): readonly Json[] {
  const wrapped = Buffer.concat([Buffer.from('{"list":'), bytes, Buffer.from('}')]);
  const { list } = parseDocument(wrapped, what);
  if (!Array.isArray(list) || !list.every(isObject))
    throw invalid(`${what} is not a list of objects`);
  return list;
}

export function parseImageDocument(bytes: Uint8Array, what: string): ImageDocument {
  const json = parseDocument(bytes, what);
  const rootfs = isObject(json['rootfs']) ? json['rootfs'] : {};
  const diffIds = rootfs['diff_ids'];
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest))
    throw invalid(`${what} has no "rootfs.diff_ids": not an image config`);
  const history = Array.isArray(json['history']) ? json['history'].filter(isObject) : [];
  return {
    architecture: text(json['architecture']) ?? '',
    os: text(json['os']) ?? '',
    ...defined({
      variant: text(json['variant']),
      created: text(json['created']),
      author: text(json['author']),
      comment: text(json['comment']),
    }),
    config: isObject(json['config']) ? runConfig(json['config'], what) : {},
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: history.map(historyEntry),
  };
}

function runConfig(json: Json, what: string): RunConfig {
  const field = <T>(name: string, read: (value: unknown) => T | undefined): T | undefined => {
    const value = json[name];
    if (value === undefined || value === null) return undefined;
    const result = read(value);
    if (result === undefined) throw invalid(`${what} has a "config.${name}" of the wrong type`);
    return result;
  };
  return defined({
    User: field('User', text),
    ExposedPorts: field('ExposedPorts', keySet),
    Env: field('Env', textList),
    Entrypoint: field('Entrypoint', textList),
    Cmd: field('Cmd', textList),
    Volumes: field('Volumes', keySet),
    WorkingDir: field('WorkingDir', text),
    Labels: field('Labels', textMap),
    StopSignal: field('StopSignal', text),
    Shell: field('Shell', textList),
    Healthcheck: field('Healthcheck', healthcheck),
  });
}

function healthcheck(value: unknown): HealthcheckConfig | undefined {
  if (!isObject(value)) return undefined;
  return defined({
    Test: textList(value['Test']),
    Interval: count(value['Interval']),
    Timeout: count(value['Timeout']),
    StartPeriod: count(value['StartPeriod']),
    StartInterval: count(value['StartInterval']),
    Retries: count(value['Retries']),
  });
}

function historyEntry(json: Json): HistoryEntry {
  return defined({
    created: text(json['created']),
    created_by: text(json['created_by']),
    comment: text(json['comment']),
    author: text(json['author']),
    empty_layer: json['empty_layer'] === true ? true : undefined,
  });
}

export interface Manifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Refuses a document that could be read as a manifest and as an index (CVE-2021-41190). */
export function parseManifest(json: Json, what: string): Manifest {
  if ('manifests' in json) throw invalid(`${what} is an index where a manifest was expected`);
  const layers = json['layers'];
  if (!Array.isArray(layers)) throw invalid(`${what} has no layers: not an image manifest`);
  return {
    mediaType: text(json['mediaType']) ?? mediaTypes.manifest,
    config: parseDescriptor(json['config'], `the config of ${what}`),
    layers: layers.map((layer, index) => parseDescriptor(layer, `layer ${index} of ${what}`)),
  };
}

export interface IndexEntry extends Descriptor {
  readonly platform: { readonly os: string; readonly architecture: string } | null;
}

export function parseIndex(json: Json, what: string): readonly IndexEntry[] {
  if ('layers' in json || 'config' in json)
    throw invalid(`${what} is a manifest where an index was expected`);
  const { manifests } = json;
  if (!Array.isArray(manifests)) throw invalid(`${what} has no "manifests": not an image index`);
  return manifests.map((entry, index) => ({
    ...parseDescriptor(entry, `entry ${index} of ${what}`),
    platform: platformOf(isObject(entry) ? entry['platform'] : undefined),
  }));
}

function platformOf(value: unknown): IndexEntry['platform'] {
  if (!isObject(value)) return null;
  return { os: text(value['os']) ?? '', architecture: text(value['architecture']) ?? '' };
}

function parseDescriptor(value: unknown, what: string): Descriptor {
  const json = isObject(value) ? value : {};
  const { digest, size } = json;
  if (!isDigest(digest)) throw invalid(`${what} has no digest "sha256:" with 64 digits`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`${what} has no size`);
  const annotations = textMap(json['annotations']);
  return {
    mediaType: text(json['mediaType']) ?? '',
    digest,
    size,
    ...(annotations !== undefined && { annotations }),
  };
}

/** image-spec media-types.md, and what Docker calls the same things. */
export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  gzipLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

/** A manifest for layers that came without one. The same image always gets the same bytes. */
export function makeManifest(config: Descriptor, layers: readonly Descriptor[]): Buffer {
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers };
  return Buffer.from(JSON.stringify(manifest));
}

export function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

export function textList(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? value
    : undefined;
}

/** Object.fromEntries defines own properties, so that "__proto__" is a key like any other. */
function textMap(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? Object.fromEntries(entries)
    : undefined;
}

function keySet(value: unknown): Readonly<Record<string, object>> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(Object.keys(value).map((key) => [key, {}]));
}

/** Leaves out what is undefined, which exactOptionalPropertyTypes tells from absent. */
export function defined<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
