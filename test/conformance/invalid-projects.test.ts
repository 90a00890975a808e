/** Whatever docker compose refuses, we refuse; what we refuse beyond that is listed with its reason. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempDir } from '../lib/temp-dir.ts';
import { type InvalidCase, printedError, readCases } from '../unit/compose/lib/invalid.ts';

const peers = process.env['TSCOMPOSE_PEERS'] ?? '/var/lib/peers';
const plugin = join(peers, 'usr/libexec/docker/cli-plugins/docker-compose');
const run = promisify(execFile);

async function doesRefuse(
  { files, use, environment }: InvalidCase,
  directory: string,
): Promise<boolean> {
  await mkdir(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), bytesOf(text));
  }
  const args = [...use.flatMap((file) => ['-f', file]), 'config', '-q'];
  const path = `${join(peers, 'usr/bin')}:/usr/bin:/bin`;
  const env = { PATH: path, HOME: '/nonexistent', DOCKER_CONFIG: '/nonexistent', ...environment };
  try {
    await run(plugin, args, { cwd: directory, env, timeout: 60_000 });
    return false;
  } catch (error) {
    // On a machine that is too busy it is ended before it has said anything.
    if ((error as { killed?: boolean }).killed === true) throw error;
    return true;
  }
}

/** As cli/host.ts reads them: a lone surrogate stands for a byte that is no UTF-8. */
function bytesOf(text: string): Uint8Array {
  return Buffer.concat(
    text
      .split(/(?<![\ud800-\udbff])([\udc80-\udcff])/)
      .map((part, index) =>
        index % 2 === 1 ? Buffer.from([part.charCodeAt(0) - 0xdc00]) : Buffer.from(part),
      ),
  );
}

test.skipIf(!existsSync(plugin))(
  'docker compose must refuse what we refuse, but for the listed exceptions',
  async () => {
    await using temp = await tempDir();
    const cases = readCases().flatMap((file) => file.cases);
    const surprises: string[] = [];
    const check = async (one: InvalidCase, index: number): Promise<void> => {
      const isRefused = await doesRefuse(one, join(temp.path, String(index), 'shop'));
      if (isRefused !== (one.accepted === null)) {
        surprises.push(`${one.name}: docker compose ${isRefused ? 'refuses' : 'takes'} it`);
      }
      expect(printedError(one)).toMatch(/^error\[/);
    };
    const queue = cases.entries();
    const worker = async (): Promise<void> => {
      for (const [index, one] of queue) await check(one, index);
    };
    await Promise.all([worker(), worker(), worker()]);
    expect(surprises).toEqual([]);
  },
  300_000,
);
