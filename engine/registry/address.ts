/** Where the registry of an image name is. */
import { defaultDomain } from '../api/index.ts';
import { isLoopback } from './proxy.ts';

export interface RegistryAddress {
  /** As image names say it: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Host and port that serve it. */
  readonly host: string;
  /** Neither certificates nor encryption are insisted on. */
  readonly isInsecure: boolean;
}

/** Docker Hub's images are named after docker.io and served elsewhere. */
const hubHost = 'registry-1.docker.io';

/** A registry on this machine cannot be impersonated from outside it, so it may do without TLS, as with Docker. */
export function registryAddress(domain: string, insecure: readonly string[] = []): RegistryAddress {
  const host = domain === defaultDomain ? hubHost : domain;
  const { hostname } = new URL(`https://${host}`);
  return { domain, host, isInsecure: isLoopback(hostname) || insecure.includes(domain) };
}

/** Under which name credentials are kept: docker login writes Docker Hub's below its first address. */
export function credentialKey(domain: string): string {
  return domain === defaultDomain ? 'https://index.docker.io/v1/' : domain;
}
