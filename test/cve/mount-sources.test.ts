/** Sources of mounts that somebody exchanges while they are looked up (reliability-security.md §3.3). */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { EngineError } from '../../engine/api/index.ts';
import { closeLater, isSyscallError, openContainerRoot, statAt } from '../../native/index.ts';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { missing } from '../lib/requires.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';

const title = `sources of mounts (missing: ${absentForDocker.join() || 'nothing'})`;
const absentForRace = missing('python');

/** RENAME_EXCHANGE of renameat2(2), for as long as it runs. */
const racer = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
a, b = (path.encode() for path in sys.argv[1:3])
print("ready", flush=True)
while True:
    libc.renameat2(-100, a, -100, b, 2)
`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  async function exchanging(one: string, other: string, use: () => Promise<void>): Promise<void> {
    const child = spawn('python3', ['-c', racer, one, other], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await use();
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  }

  /** A directory and a link out of the volume, by the name of each in turn. */
  function trap(volume: string, outside: string): readonly [string, string] {
    mkdirSync(join(volume, 'part'));
    writeFileSync(join(volume, 'part/inside'), '');
    mkdirSync(outside);
    writeFileSync(join(outside, 'canary'), '');
    symlinkSync(outside, join(volume, 'link'));
    return [join(volume, 'part'), join(volume, 'link')];
  }

  describe.skipIf(absentForRace.length > 0)(
    `C-64, CVE-2023-0778 CVE-2021-25741: a part that is exchanged for a link (missing: ${absentForRace.join() || 'nothing'})`,
    () => {
      test('must never lead out of the volume, for a container', async () => {
        await tools.docker.ok('volume', 'create', 'race');
        const volume = join(tools.engine.stateRoot, 'volumes/race/_data');
        const [part, link] = trap(volume, join(dir.path, 'outside'));
        const mount = 'type=volume,source=race,target=/m,volume-subpath=part';
        const id = await tools.docker.ok('create', '--mount', mount, 'app', 'ls', '/m');
        const { containers } = tools.engine.client;
        const outcomes = { started: 0, refused: 0 };
        await exchanging(part, link, async () => {
          for (let round = 0; round < 25; round += 1) {
            try {
              await containers.start(id);
              await containers.wait(id);
              outcomes.started += 1;
            } catch (error) {
              if (!(error instanceof EngineError)) throw error;
              expect(error.message).toMatch(/escapes the base directory|cannot access path/);
              outcomes.refused += 1;
            }
          }
        });
        const logs = await tools.docker.ok('logs', id);
        expect(logs.split('\n').filter((line) => line !== 'inside' && line !== '')).toEqual([]);
        expect(Math.min(outcomes.started, outcomes.refused)).toBeGreaterThan(0);
        await tools.docker.ok('rm', id);
        await tools.docker.ok('volume', 'rm', 'race');
      });

      test('must never lead out of the volume, for a copy', async () => {
        const volume = join(dir.path, 'volume');
        const root = join(dir.path, 'root');
        for (const path of [volume, root]) mkdirSync(path);
        const [part, link] = trap(volume, join(dir.path, 'beside'));
        const bind = {
          kind: 'bind',
          isReadonly: false,
          isRecursive: false,
          create: 'directory',
        } as const;
        const outcomes = { opened: 0, refused: 0 };
        await exchanging(part, link, async () => {
          for (let round = 0; round < 500; round += 1) {
            try {
              const opened = await openContainerRoot([
                { ...bind, target: '/', source: root },
                { ...bind, target: '/m', source: volume, subpath: 'part' },
              ]);
              expect(statAt(opened.root, 'm/inside').type).toBe('file');
              await closeLater([opened.namespace, opened.root]);
              outcomes.opened += 1;
            } catch (error) {
              if (!isSyscallError(error, 'EXDEV', 'ENOENT')) throw error;
              outcomes.refused += 1;
            }
          }
        });
        expect(Math.min(outcomes.opened, outcomes.refused)).toBeGreaterThan(0);
      });
    },
  );

  test('C-63, CVE-2025-9566: a target that is a link must be followed in the container alone', async () => {
    const outside = join(dir.path, 'host-file');
    writeFileSync(outside, 'of the host');
    const given = join(dir.path, 'given');
    writeFileSync(given, 'given');
    const root = join(dir.path, 'image');
    mkdirSync(join(root, 'bin'), { recursive: true });
    for (const name of ['run', 'etc']) mkdirSync(join(root, name));
    execFileSync('cp', ['/bin/busybox', join(root, 'bin/busybox')]);
    symlinkSync(outside, join(root, 'run/secret'));
    symlinkSync('../../../../../../etc', join(root, 'run/up'));
    const archive = execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 64 << 20 });
    await tools.docker.runWithInput(
      archive,
      'import',
      '--change',
      'ENTRYPOINT ["/bin/busybox"]',
      '-',
      'links',
    );
    const seen = await tools.docker.ok(
      ...['run', '--rm', '-v', `${given}:/run/up/made`, 'links', 'cat', '/etc/made'],
    );
    expect(seen).toBe('given');
    // It leads nowhere in the image, and nothing is made where it would lead on the host.
    const { code } = await tools.docker.run(
      ...['run', '--rm', '-v', `${given}:/run/secret`, 'links', 'cat', '/run/secret'],
    );
    expect(code).not.toBe(0);
    expect(readFileSync(outside, 'utf8')).toBe('of the host');
  });
});
