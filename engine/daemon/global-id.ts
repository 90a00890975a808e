/** What an engine's own IPv6 subnets begin with: random, and the same ever after (RFC 4193, 3.2.2). */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../lib/index.ts';

const bytes = 5;

/** Chooses one if there is none, or none that is whole. The networks that exist keep the subnets of their records. */
export async function readGlobalId(path: string): Promise<Uint8Array> {
  const known = Buffer.from(await readText(path), 'hex');
  if (known.length === bytes) return known;
  const chosen = randomBytes(bytes);
  await writeFileAtomic(path, `${chosen.toString('hex')}\n`, { durability: 'disk' });
  return chosen;
}

async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return '';
  }
}
