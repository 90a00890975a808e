/** The files that every container has mounted below /etc; made anew at each start, so they need no fsync. */
import { readFile, writeFile } from 'node:fs/promises';
import type { ContainerPaths } from '../store/index.ts';
import type { ContainerRecord } from './container.ts';

export interface EtcTexts {
  readonly hosts: string;
  readonly resolvConf: string;
  readonly hostname: string;
}

export async function writeEtcFiles(paths: ContainerPaths, texts: EtcTexts): Promise<void> {
  await Promise.all([
    writeFile(paths.hosts, texts.hosts, { mode: 0o644 }),
    writeFile(paths.resolvConf, texts.resolvConf, { mode: 0o644 }),
    writeFile(paths.hostname, `${texts.hostname}\n`, { mode: 0o644 }),
  ]);
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
