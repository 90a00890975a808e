import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { basename, join } from 'node:path';

import type { DockerCli } from '../lib/docker-cli.ts';
import { importImage } from '../lib/docker-engine.ts';

/** An image with busybox and what `fill` puts beside it; returns its name. */
export async function makeImage(
  docker: DockerCli,
  directory: string,
  fill: (root: string) => void,
): Promise<string> {
  const root = mkdtempSync(join(directory, 'image-'));
  chmodSync(root, 0o755);
  mkdirSync(join(root, 'bin'));
  execFileSync('cp', ['/bin/busybox', join(root, 'bin/busybox')]);
  fill(root);
  const archive = execFileSync('tar', ['--sparse', '-C', root, '-c', '.'], { maxBuffer: 64 << 20 });
  const name = basename(root).toLowerCase();
  await importImage(docker, name, archive);
  return name;
}
