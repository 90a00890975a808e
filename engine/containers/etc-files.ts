/** The files that every container has mounted below /etc; made anew at each start, so they need no fsync. */
import { writeFile } from 'node:fs/promises';
import type { ContainerPaths } from '../store/index.ts';

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
