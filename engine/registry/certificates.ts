/** Certificates of registries where Docker keeps them: `certs.d/<domain>/`, `*.crt` authorities, `*.cert` with `*.key`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { TlsSettings } from './exchange.ts';

/** Looks through the directories in order; the first that has something for the domain counts. */
export function dockerCertificates(
  directories: readonly string[],
): (domain: string) => TlsSettings {
  return (domain) => {
    // It becomes part of a path; names of registries have neither slashes nor leading dots.
    if (!/^[A-Za-z0-9[][A-Za-z0-9.:\]-]*$/.test(domain)) return {};
    for (const directory of directories) {
      const found = readDirectory(join(directory, domain));
      if (found !== null) return found;
    }
    return {};
  };
}

function readDirectory(directory: string): TlsSettings | null {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return null;
    throw error;
  }
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const authorities = names.filter((name) => name.endsWith('.crt')).sort();
  const client = names.find(
    (name) => name.endsWith('.cert') && names.includes(name.replace(/\.cert$/, '.key')),
  );
  return {
    // Giving one replaces all that Node trusts.
    ...(authorities.length > 0 && { ca: [...rootCertificates, ...authorities.map(read)] }),
    ...(client !== undefined && {
      cert: read(client),
      key: read(client.replace(/\.cert$/, '.key')),
    }),
  };
}
