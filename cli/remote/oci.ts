/**
 * Compose files from OCI artifacts as `docker compose publish` writes them: one layer for each compose file, which follow
 * each other as documents of one file, one for each file that is extended, one for each env file.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciReference } from '../../compose/index.ts';
import {
  canonicalReference,
  EngineError,
  type ImageReference,
  parseReference,
  withDefaultTag,
} from '../../engine/api/index.ts';
import {
  type Descriptor,
  type Index,
  type Manifest,
  type RegistryClient,
  RegistryError,
} from '../../engine/registry/index.ts';
import type { Cache } from './cache.ts';
import type { FetchResult } from './remotes.ts';

export interface OciOptions {
  readonly cache: Cache;
  readonly client: RegistryClient;
  readonly signal?: AbortSignal | undefined;
}

const projectType = 'application/vnd.docker.compose.project';
const emptyConfigType = 'application/vnd.docker.compose.config.empty.v1+json';
const fileType = 'application/vnd.docker.compose.file+yaml';
const envFileType = 'application/vnd.docker.compose.envfile';
const annotations = {
  file: 'com.docker.compose.file',
  extends: 'com.docker.compose.extends',
  envFile: 'com.docker.compose.envfile',
} as const;

const mainFile = 'compose.yaml';
const maxLayers = 200;
const fileLimitBytes = 8 * 1024 * 1024;

type Failure = Extract<FetchResult, { kind: 'failed' }>;

export async function fetchOci({ image }: OciReference, options: OciOptions): Promise<FetchResult> {
  try {
    const reference = withDefaultTag(parseReference(image));
    const { digest, warnings } = await resolve(reference, options);
    const key = digest.slice(digest.indexOf(':') + 1);
    const { cache } = options;
    const directory =
      (await cache.find('oci', key)) ??
      (await cache.add('oci', key, (target) =>
        download(target, { ...options, reference: { ...reference, digest } }),
      ));
    await cache.remember('oci', canonicalReference(reference), key);
    return {
      kind: 'fetched',
      source: {
        shown: `oci://${image}`,
        identity: digest,
        directory,
        file: join(directory, mainFile),
      },
      warnings,
    };
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof RegistryError) && !(error instanceof EngineError)) throw error;
  const { message, hint } = error;
  return { kind: 'failed', reason: message, ...(hint !== undefined && { hint }) };
}

interface Resolved {
  readonly digest: string;
  readonly warnings: readonly string[];
}

/** A digest needs nobody to be asked. */
async function resolve(
  reference: ImageReference,
  { cache, client, signal }: OciOptions,
): Promise<Resolved> {
  if (reference.digest !== null) return { digest: reference.digest, warnings: [] };
  try {
    return { digest: await client.resolve(reference, { signal }), warnings: [] };
  } catch (error) {
    const isAway =
      error instanceof RegistryError && (error.code === 'unreachable' || error.code === 'timeout');
    const name = canonicalReference(reference);
    const known = isAway ? await cache.recall('oci', name) : null;
    if (!isAway || known === null || (await cache.find('oci', known.key)) === null) throw error;
    const digest = `${known.key.length === 128 ? 'sha512' : 'sha256'}:${known.key}`;
    const when = known.at.toISOString();
    return {
      digest,
      warnings: [
        `${reference.domain} cannot be reached (${error.message}): using ${digest.slice(0, 19)}, which ${name} was at ${when}`,
      ],
    };
  }
}

interface DownloadScope extends OciOptions {
  readonly reference: ImageReference;
}

async function download(target: string, scope: DownloadScope): Promise<void> {
  const { client, reference, signal } = scope;
  const { document } = await client.manifest(reference, { signal });
  const layers = layersOf(document, reference);
  const files = new Map<string, Buffer>();
  const main: Buffer[] = [];
  let limitBytes = fileLimitBytes;
  for (const layer of layers) {
    const name = nameOf(layer, reference);
    if (name === null) continue;
    const content = await client.readBlob(reference, layer, { signal, limitBytes });
    limitBytes -= content.length;
    if (name === mainFile) {
      main.push(content);
    } else if (files.has(name)) {
      throw unusable(reference, `it has two files with the name "${name}"`);
    } else files.set(name, content);
  }
  if (main.length === 0) throw unusable(reference, 'it has no compose file');
  files.set(mainFile, joined(main));
  for (const [name, content] of files) {
    // "wx": a name that the file system takes for another one's must not replace it.
    await writeFile(join(target, name), content, { mode: 0o600, flag: 'wx' });
  }
}

function joined(documents: readonly Buffer[]): Buffer {
  const separator = Buffer.from('\n---\n');
  return Buffer.concat(
    documents.flatMap((document, index) => (index === 0 ? [document] : [separator, document])),
  );
}

function layersOf(document: Manifest | Index, reference: ImageReference): readonly Descriptor[] {
  if (document.kind === 'index') throw unusable(reference, 'it is an image for several platforms');
  const { artifactType, config, layers } = document;
  const isProject =
    artifactType === null
      ? config.mediaType === emptyConfigType || config.mediaType === projectType
      : artifactType === projectType;
  if (!isProject) {
    throw unusable(reference, `it is a ${artifactType ?? config.mediaType}`);
  }
  if (layers.length > maxLayers) throw unusable(reference, `it has more than ${maxLayers} files`);
  return layers;
}

/** The file that a layer becomes; null: a kind of layer that says nothing to us. */
function nameOf(layer: Descriptor, reference: ImageReference): string | null {
  const own = layer.annotations;
  if (layer.mediaType === fileType) {
    if (own[annotations.extends] === undefined) return mainFile;
    return checkName(own[annotations.file], reference);
  }
  return layer.mediaType === envFileType ? checkName(own[annotations.envFile], reference) : null;
}

/**
 * The name comes from whoever published the artifact, and becomes a path below the cache. Docker's joined it with `../`
 * in it to the cache's path (CVE-2025-62725): so it is a plain file name here, of few characters, or nothing is written.
 */
function checkName(name: string | undefined, reference: ImageReference): string {
  if (name === undefined) throw unusable(reference, 'one of its files has no name');
  const isPlain = /^[A-Za-z0-9_.][A-Za-z0-9_.+@ -]{0,199}$/.test(name) && !/^\.+$/.test(name);
  if (!isPlain || name.endsWith(' ') || name.toLowerCase() === mainFile) {
    throw new RegistryError(
      'malformed',
      `${canonicalReference(reference)} is not used: it wants to write a file called ${JSON.stringify(name.slice(0, 100))}`,
      {
        hint: 'a file name that leads elsewhere is an attack: do not trust whoever published this',
      },
    );
  }
  return name;
}

function unusable(reference: ImageReference, why: string): RegistryError {
  return new RegistryError(
    'unsupported',
    `${canonicalReference(reference)} is not a compose project: ${why}`,
    { hint: 'a compose project is what `docker compose publish` makes' },
  );
}
