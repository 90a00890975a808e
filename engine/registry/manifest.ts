/** Manifests and indexes (image-spec manifest.md, image-index.md) as checked values. */
import { checkDigest } from './digest.ts';
import { RegistryError } from './errors.ts';
import { kindOfMediaType } from './media-types.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly platform?: Platform;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Manifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly artifactType: string | null;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Index {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly artifactType: string | null;
  readonly manifests: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** More than any image has; a list of a million would be an attack on whoever walks it. */
const maxDescriptors = 2048;
const maxLayerBytes = 2 ** 46;

type Fields = Readonly<Record<string, unknown>>;

/**
 * `contentType` is what the registry says it sent. It and the document must agree, or one could be made to look like an
 * index to one reader and like a manifest to another (CVE-2021-41190).
 */
export function parseManifest(bytes: Uint8Array, contentType: string): Manifest | Index {
  const fields = parseObject(bytes);
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const own = fields['mediaType'];
  if (own !== undefined && typeof own !== 'string') throw malformed('mediaType is not a text');
  const mediaType = kindOfMediaType(type) === null && own !== undefined ? own : type;
  const kind = kindOfMediaType(mediaType);
  if (kind === 'schema1' || fields['schemaVersion'] === 1) {
    throw new RegistryError('unsupported', 'the image has the format of before 2016 (schema 1)', {
      hint: 'push it again with a current tool',
    });
  }
  if (kind === null) {
    throw malformed(`"${type.slice(0, 80)}" is the type of neither a manifest nor an index`);
  }
  if (own !== undefined && own !== mediaType) {
    throw malformed(`it was sent as "${type}" and calls itself "${own.slice(0, 80)}"`);
  }
  if (fields['schemaVersion'] !== 2) throw malformed('schemaVersion is not 2');
  if (fields['manifests'] !== undefined && fields['layers'] !== undefined) {
    throw malformed('it is an index and a manifest at once');
  }
  return kind === 'index' ? indexOf(fields, mediaType) : manifestOf(fields, mediaType);
}

function manifestOf(fields: Fields, mediaType: string): Manifest {
  return {
    kind: 'manifest',
    mediaType,
    artifactType: optionalText(fields, 'artifactType'),
    config: descriptorOf(fields['config'], 'config'),
    layers: descriptorsOf(fields['layers'], 'layers'),
    annotations: annotationsOf(fields['annotations']),
  };
}

function indexOf(fields: Fields, mediaType: string): Index {
  return {
    kind: 'index',
    mediaType,
    artifactType: optionalText(fields, 'artifactType'),
    manifests: descriptorsOf(fields['manifests'], 'manifests'),
    annotations: annotationsOf(fields['annotations']),
  };
}

function parseObject(bytes: Uint8Array): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed('it is not JSON', error);
  }
  if (!isObject(value)) throw malformed('it is not an object');
  return value;
}

function descriptorsOf(value: unknown, where: string): Descriptor[] {
  if (!Array.isArray(value)) throw malformed(`${where} is not a list`);
  if (value.length > maxDescriptors)
    throw malformed(`${where} has more than ${maxDescriptors} entries`);
  return value.map((item, index) => descriptorOf(item, `${where}[${index}]`));
}

function descriptorOf(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw malformed(`${where} is no descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== 'string') throw malformed(`${where} has no mediaType`);
  if (typeof digest !== 'string') throw malformed(`${where} has no digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || size > maxLayerBytes) {
    throw malformed(`${where} has no sensible size`);
  }
  const artifactType = optionalText(value, 'artifactType');
  const platform = platformOf(value['platform']);
  return {
    mediaType,
    digest: checkDigest(digest),
    size,
    annotations: annotationsOf(value['annotations']),
    ...(artifactType !== null && { artifactType }),
    ...(platform !== null && { platform }),
  };
}

function platformOf(value: unknown): Platform | null {
  if (!isObject(value)) return null;
  const { os, architecture, variant } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return null;
  return { os, architecture, ...(typeof variant === 'string' && { variant }) };
}

function annotationsOf(value: unknown): Record<string, string> {
  const annotations = Object.create(null) as Record<string, string>;
  if (value === undefined || value === null) return annotations;
  if (!isObject(value)) throw malformed('annotations are not a mapping');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw malformed('an annotation is not a text');
    annotations[key] = text;
  }
  return annotations;
}

function optionalText(fields: Fields, key: string): string | null {
  const value = fields[key];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'string') throw malformed(`${key} is not a text`);
  return value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(why: string, cause?: unknown): RegistryError {
  return new RegistryError('malformed', `the manifest cannot be used: ${why}`, { cause });
}
