/** The files that every container has mounted below /etc; made anew at each start, so they need no fsync. */
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ContainerPaths } from '../store/index.ts';
import type { ContainerRecord } from './container.ts';

export interface EtcTexts {
  readonly hosts: string;
  readonly resolvConf: string;
  readonly hostname: string;
}

/** At once: through the thread pool it would take longer, and the start of the container waits for it. */
export function writeEtcFiles(paths: ContainerPaths, texts: EtcTexts): void {
  writeFileSync(paths.hosts, texts.hosts, { mode: 0o644 });
  writeFileSync(paths.resolvConf, texts.resolvConf, { mode: 0o644 });
  writeFileSync(paths.hostname, `${texts.hostname}\n`, { mode: 0o644 });
}

/** Of a container without a network of its own: the host's, as far as there are any, and what the user adds. */
export async function hostsOfHost({ hostConfig }: ContainerRecord): Promise<string> {
  const own = await readFile('/etc/hosts', 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '127.0.0.1\tlocalhost\n';
    throw error;
  });
  const added = (hostConfig.ExtraHosts ?? []).map((entry) => {
    const at = entry.indexOf(':');
    const address = entry.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
    return `${address === 'host-gateway' ? '127.0.0.1' : address}\t${entry.slice(0, at)}\n`;
  });
  return `${own.replace(/\n?$/, '\n')}${added.join('')}`;
}
