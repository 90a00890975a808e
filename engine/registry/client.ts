/** Reading from registries: which digest a name has, manifests, blobs. */
import {
  canonicalReference,
  type ImageReference,
  parseReference,
  withDefaultTag,
} from '../api/index.ts';
import { registryAddress } from './address.ts';
import type { FindCredentials } from './credentials.ts';
import { checkDigest, digestOf, Verifier } from './digest.ts';
import { RegistryError } from './errors.ts';
import {
  type Answer,
  chunksOf,
  discard,
  readBody,
  type Timeouts,
  type TlsSettings,
} from './exchange.ts';
import { type Descriptor, type Index, type Manifest, parseManifest } from './manifest.ts';
import { acceptManifests } from './media-types.ts';
import type { Environment } from './proxy.ts';
import { defaultRetry, isTransient, type RetryPolicy, withRetry } from './retry.ts';
import { type RegistryCall, Transport } from './transport.ts';

export interface RegistryClientOptions {
  /** Absent: anonymous. */
  readonly credentials?: FindCredentials;
  /** Domains that may do without TLS, or with a certificate that nobody trusts; this machine always may. */
  readonly insecure?: readonly string[];
  /** Authorities and client certificates of a domain. */
  readonly tls?: (domain: string) => TlsSettings;
  /** Variables that name proxies. */
  readonly env?: Environment;
  readonly timeouts?: Timeouts;
  readonly retry?: RetryPolicy;
  readonly now?: () => number;
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface FetchedManifest {
  readonly digest: string;
  readonly bytes: Buffer;
  readonly document: Manifest | Index;
}

/** A blob is read by its descriptor: the digest says what it is, the size how much to expect. */
export type BlobDescriptor = Pick<Descriptor, 'digest' | 'size'>;

/** image-spec asks registries to take manifests up to 4 MiB; clients need not take more. */
const manifestLimitBytes = 4 * 1024 * 1024;

/** Close it when done: kept connections hold the process. */
export class RegistryClient implements Disposable {
  readonly #options: RegistryClientOptions;
  readonly #transports = new Map<string, Transport>();

  constructor(options: RegistryClientOptions = {}) {
    this.#options = options;
  }

  close(): void {
    for (const transport of this.#transports.values()) transport.close();
    this.#transports.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The digest that a name has now. One request without a body where the registry tells it in a header. */
  async resolve(reference: ImageReference, { signal }: ReadOptions = {}): Promise<string> {
    const answer = await this.#transport(reference).call(manifestCall('HEAD', reference, signal));
    discard(answer);
    const digest = headerDigest(answer);
    if (digest === null) return (await this.manifest(reference, { signal })).digest;
    if (reference.digest !== null && digest !== reference.digest) {
      throw otherDigest(reference, reference.digest, digest);
    }
    return digest;
  }

  async manifest(
    reference: ImageReference,
    { signal }: ReadOptions = {},
  ): Promise<FetchedManifest> {
    const call = manifestCall('GET', reference, signal);
    const transport = this.#transport(reference);
    return withRetry(
      async () => {
        const answer = await transport.once(call);
        const bytes = await readBody(answer, manifestLimitBytes);
        return checkManifest(reference, { answer, bytes });
      },
      { policy: this.#retry, signal },
    );
  }

  /**
   * The blob's bytes as they arrive. Only after the last one is it known that they are the right ones: a reader must not
   * act on them before the loop has ended. A connection that breaks is taken up where it broke.
   */
  async *blob(
    reference: ImageReference,
    descriptor: BlobDescriptor,
    { signal }: ReadOptions = {},
  ): AsyncGenerator<Buffer> {
    const verifier = new Verifier(descriptor.digest);
    let failures = 0;
    for (;;) {
      const before = verifier.size;
      try {
        yield* this.#attempt(reference, { descriptor, verifier, signal });
        break;
      } catch (error) {
        // Whoever makes progress may go on; whoever makes none, as often as the policy says.
        failures = verifier.size > before ? 1 : failures + 1;
        if (!isTransient(error) || failures >= this.#retry.attempts) throw error;
        await this.#retry.sleep(this.#retry.firstMs * this.#retry.random(), signal);
      }
    }
    verifier.finish(`blob ${descriptor.digest}`);
  }

  async *#attempt(
    reference: ImageReference,
    {
      descriptor,
      verifier,
      signal,
    }: { descriptor: BlobDescriptor; verifier: Verifier } & ReadOptions,
  ): AsyncGenerator<Buffer> {
    const { digest, size } = descriptor;
    for await (const chunk of this.#rest(reference, { descriptor, from: verifier.size, signal })) {
      verifier.update(chunk);
      if (verifier.size > size) {
        throw new RegistryError('too-large', `blob ${digest} is longer than its ${size} bytes`);
      }
      yield chunk;
    }
    if (verifier.size < size) {
      throw new RegistryError('truncated', `blob ${digest} is shorter than its ${size} bytes`);
    }
  }

  /** A small blob as a whole. */
  async readBlob(
    reference: ImageReference,
    descriptor: BlobDescriptor,
    { signal, limitBytes }: ReadOptions & { readonly limitBytes: number },
  ): Promise<Buffer> {
    if (descriptor.size > limitBytes) {
      throw new RegistryError(
        'too-large',
        `blob ${descriptor.digest} has ${descriptor.size} bytes, allowed are ${limitBytes}`,
      );
    }
    const chunks: Buffer[] = [];
    for await (const chunk of this.blob(reference, descriptor, { signal })) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async *#rest(
    reference: ImageReference,
    { descriptor, from, signal }: { descriptor: BlobDescriptor; from: number } & ReadOptions,
  ): AsyncGenerator<Buffer> {
    const answer = await this.#transport(reference).call({
      method: 'GET',
      path: `/v2/${reference.path}/blobs/${descriptor.digest}`,
      ...(from > 0 && { headers: { Range: `bytes=${from}-` } }),
      scope: pullScope(reference),
      what: `blob ${descriptor.digest} of ${nameOf(reference)}`,
      accepted: from > 0 ? [200, 206] : [200],
      signal,
    });
    let skip = from;
    if (answer.status === 206) {
      const start = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '')?.[1];
      if (Number(start) !== from) {
        discard(answer);
        throw new RegistryError(
          'malformed',
          `${answer.url.host} sends another part than asked for`,
        );
      }
      skip = 0;
    }
    for await (const chunk of chunksOf(answer, signal)) {
      if (skip < chunk.length) yield chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
    }
  }

  get #retry(): RetryPolicy {
    return this.#options.retry ?? defaultRetry;
  }

  #transport({ domain }: ImageReference): Transport {
    const known = this.#transports.get(domain);
    if (known !== undefined) return known;
    const { credentials, insecure, tls, env, timeouts, now } = this.#options;
    const address = registryAddress(domain, insecure);
    const transport = new Transport({
      address,
      credentials: credentials ?? (() => Promise.resolve(null)),
      tls: { ...(address.isInsecure && { rejectUnauthorized: false }), ...tls?.(domain) },
      timeouts: timeouts ?? { headMs: 30_000, idleMs: 30_000 },
      retry: this.#retry,
      env: env ?? {},
      now: now ?? Date.now,
    });
    this.#transports.set(domain, transport);
    return transport;
  }
}

/** `redis:7` → the digest it has now; a reference that has one keeps it, unasked. */
export async function resolveDigest(
  text: string,
  options: { readonly client: RegistryClient } & ReadOptions,
): Promise<string> {
  const reference = withDefaultTag(parseReference(text));
  return reference.digest ?? options.client.resolve(reference, options);
}

function manifestCall(
  method: 'GET' | 'HEAD',
  reference: ImageReference,
  signal: AbortSignal | undefined,
): RegistryCall {
  const target = reference.digest ?? withDefaultTag(reference).tag ?? '';
  if (reference.digest !== null) checkDigest(reference.digest);
  return {
    method,
    path: `/v2/${reference.path}/manifests/${target}`,
    headers: { Accept: acceptManifests },
    scope: pullScope(reference),
    what: `manifest "${target}" of ${nameOf(reference)}`,
    accepted: [200],
    signal,
  };
}

function pullScope({ path }: ImageReference): string {
  return `repository:${path}:pull`;
}

function nameOf({ domain, path }: ImageReference): string {
  return `${domain}/${path}`;
}

function headerDigest({ headers }: Answer): string | null {
  const value = headers['docker-content-digest'];
  return typeof value === 'string' && value !== '' ? checkDigest(value) : null;
}

interface ReceivedManifest {
  readonly answer: Answer;
  readonly bytes: Buffer;
}

function checkManifest(
  reference: ImageReference,
  { answer, bytes }: ReceivedManifest,
): FetchedManifest {
  const promised = reference.digest ?? headerDigest(answer);
  const digest = digestOf(bytes, promised ?? undefined);
  if (promised !== null && promised !== digest) throw otherDigest(reference, promised, digest);
  const document = parseManifest(bytes, answer.headers['content-type'] ?? '');
  return { digest, bytes, document };
}

function otherDigest(reference: ImageReference, expected: string, got: string): RegistryError {
  return new RegistryError(
    'digest-mismatch',
    `${canonicalReference(reference)} has other content than its digest says: expected ${expected}, got ${got}`,
  );
}
