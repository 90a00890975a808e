/**
 * A client of image registries (OCI distribution-spec). Belongs here: names to digests, manifests, blobs, and getting
 * into the registry. Does not belong here: what is done with the content, where it is kept, and reading of `process`.
 */
export { dockerCertificates } from './certificates.ts';
export {
  type BlobDescriptor,
  type FetchedManifest,
  type ReadOptions,
  RegistryClient,
  type RegistryClientOptions,
  resolveDigest,
} from './client.ts';
export {
  type Credentials,
  dockerCredentials,
  type DockerCredentialsOptions,
  type FindCredentials,
} from './credentials.ts';
export { digestOf, Verifier } from './digest.ts';
export { RegistryError, registryErrorCodes, type RegistryErrorCode } from './errors.ts';
export type { Timeouts, TlsSettings } from './exchange.ts';
export type { Descriptor, Index, Manifest, Platform } from './manifest.ts';
export { mediaTypes } from './media-types.ts';
export { defaultRetry, type RetryPolicy } from './retry.ts';
