/** Registries as this user and this machine are set up for them. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  dockerCertificates,
  dockerCredentials,
  RegistryClient,
  RegistryError,
  resolveDigest,
} from '../../engine/registry/index.ts';
import { CliError } from '../cli-error.ts';
import type { Environment } from './git-command.ts';

/** Dispose of it when done. */
export function openRegistries(env: Environment): RegistryClient {
  const home = env['HOME'] ?? homedir();
  const directory = env['DOCKER_CONFIG'] ?? join(home, '.docker');
  return new RegistryClient({
    env,
    credentials: dockerCredentials({ directory, env }),
    tls: dockerCertificates([join(directory, 'certs.d'), '/etc/docker/certs.d']),
  });
}

export interface DigestsOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

const atOnce = 8;

/** The digest that each image reference has now. Throws CliError; one failure ends the others. */
export async function resolveDigests(
  references: readonly string[],
  { env, signal }: DigestsOptions,
): Promise<ReadonlyMap<string, string>> {
  using client = openRegistries(env);
  const failed = new AbortController();
  const either = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
  const digests = new Map<string, string>();
  const waiting = [...new Set(references)];
  const work = async (): Promise<void> => {
    for (let text = waiting.shift(); text !== undefined; text = waiting.shift()) {
      try {
        digests.set(text, await resolveDigest(text, { client, signal: either }));
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        const { message, hint } = error;
        throw new CliError(`cannot find the digest of "${text}": ${message}`, {
          hint,
          cause: error,
        });
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
    return digests;
  } catch (error) {
    failed.abort();
    throw error;
  }
}
