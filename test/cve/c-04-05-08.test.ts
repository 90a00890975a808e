/**
 * What a sandbox is built from, while somebody exchanges names in a directory that it shares.
 * C-04, CVE-2025-31133: what hides a path is the container's own /dev/null. C-05, CVE-2025-52565: /dev/console is what
 * the name of the terminal leads to. C-08, CVE-2021-30465, CVE-2024-45310: a mount point is a link by the time that
 * something is mounted on it, or made in it.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { mount } from '../integration/runtime/support.ts';
import { runOnce, shell, together } from './containers.ts';
import { makeImage } from './image.ts';
import { absent, hostSecret, iterations, patienceMs, Race } from './racer.ts';
import { SandboxRace } from './sandbox-race.ts';

const title = `building a sandbox (missing: ${absent.join() || 'nothing'})`;

describe.skipIf(absent.length > 0)(title, { timeout: patienceMs }, () => {
  let race: Race;
  let boxes: SandboxRace;

  beforeAll(async () => {
    race = await Race.open();
    boxes = await SandboxRace.open();
  });
  afterAll(async () => {
    await boxes[Symbol.asyncDispose]();
    await race[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await boxes.stop();
    race.reset();
  });

  /** What must be true of every race that was survived. */
  function expectRace(times: number, met: readonly number[]): void {
    expect(boxes.damage()).toEqual([]);
    expect(boxes.exchanges()).toBeGreaterThan(times);
    // Both sides of the race were met.
    for (const count of met) expect(count).toBeGreaterThan(0);
  }

  describe('C-04, CVE-2025-31133: what hides a path must not be the image’s', () => {
    const corePattern = '/proc/sys/kernel/core_pattern';
    // Without a second process: this runs hundreds of times.
    const script =
      'for file in /proc/keys /proc/timer_list; do read -r line <$file && echo "$line"; done; echo end';

    test.each([
      [
        '/dev/null as a link to a host file',
        (root: string) => {
          symlinkSync(corePattern, join(root, 'dev/null'));
        },
      ],
      [
        '/dev/null as a file',
        (root: string) => {
          writeFileSync(join(root, 'dev/null'), 'own');
        },
      ],
    ])('%s', async (_name, fill) => {
      const name = await makeImage(race.files.docker, race.files.engine.root, (root) => {
        mkdirSync(join(root, 'dev'));
        fill(root);
      });
      const command = shell(`${script}; stat -c "%F %t:%T" /dev/null`);
      const seen = await runOnce(race.client, { Image: name, Cmd: command });
      expect(seen.output).toBe('end\ncharacter special file 1:3\n');
    });

    test.each([
      ['a link to a file of the host', (canary: string) => `${canary}/secret`, iterations],
      ['a link to a file of the kernel', () => corePattern, iterations / 5],
    ])('/dev/null in a shared /dev, exchanged for %s', async (_name, targetOf, times) => {
      const pattern = readFileSync(corePattern, 'utf8');
      await boxes.start((shared) => {
        writeFileSync(join(shared, 'place'), 'own');
        symlinkSync(targetOf(boxes.canary), join(shared, 'link'));
        symlinkSync('place', join(shared, 'null'));
      });
      for (let count = 0; count < times; count++) {
        const seen = await boxes.run('/dev', script);
        if (seen !== null) expect(seen).toBe('end\n');
      }
      expectRace(times, []);
      expect(readFileSync(corePattern, 'utf8')).toBe(pattern);
    });
  });

  describe('C-05, CVE-2025-52565: /dev/console must be the terminal', () => {
    const script = 'echo written >/dev/console; [ -c /dev/console ] && echo terminal; true';

    function links(shared: string): void {
      writeFileSync(join(shared, 'place'), 'own');
      symlinkSync(`${boxes.canary}/secret`, join(shared, 'link'));
      for (const name of ['0', 'ptmx', 'console']) symlinkSync('place', join(shared, name));
    }

    test.each([
      ['a shared /dev/pts, with a terminal', '/dev/pts', true, iterations],
      ['a shared /dev/pts, without one', '/dev/pts', false, iterations / 10],
      ['a shared /dev, with a terminal', '/dev', true, iterations / 10],
      ['a shared /dev, without one', '/dev', false, iterations / 5],
    ])('%s', async (_name, target, hasTerminal, times) => {
      const terminal = hasTerminal ? { rows: 24, columns: 80 } : null;
      const seen = { terminal: 0, nothing: 0, refused: 0 };
      await boxes.start(links);
      for (let count = 0; count < times; count++) {
        const output = await boxes.run(target, script, { process: { terminal } });
        expect(output ?? '').not.toContain(hostSecret);
        if (output === null) seen.refused += 1;
        else seen[output.includes('terminal') ? 'terminal' : 'nothing'] += 1;
      }
      expectRace(times, []);
      // Our own devpts lies below what is shared, and is what is used; our /dev is covered with all that is in it.
      const isTerminal = hasTerminal && target === '/dev/pts';
      expect(seen).toEqual({
        terminal: isTerminal ? times : 0,
        nothing: isTerminal ? 0 : times,
        refused: 0,
      });
    });
  });

  describe('C-08, CVE-2021-30465 CVE-2024-45310: a mount must stay below the root', () => {
    const links = [
      ['an absolute link', ''],
      ['a link through ".."', '../../../../../../../..'],
      ['a link through the root of a process', '/proc/self/root'],
    ] as const;
    const script = '[ -e /shared/place/inner/deep ] && echo mounted; true';

    test.each(
      links.flatMap(([name, prefix], index) =>
        (['directory', 'file'] as const).map(
          (create) => [create, name, prefix, index === 0 ? iterations : iterations / 5] as const,
        ),
      ),
    )('of a %s whose place is exchanged for %s', async (create, _name, prefix, times) => {
      const seen = { mounted: 0, elsewhere: 0, refused: 0 };
      await boxes.start((shared) => {
        mkdirSync(join(shared, 'place'));
        symlinkSync(`${prefix}${boxes.canary}`, join(shared, 'link'));
      });
      const source = create === 'file' ? join(boxes.canary, 'secret') : boxes.canary;
      for (let count = 0; count < times; count++) {
        const inner = mount('bind', '/shared/place/inner/deep', { source, create });
        const output = await boxes.run('/shared', script, { mounts: [inner] });
        if (output === null) seen.refused += 1;
        else seen[output.includes('mounted') ? 'mounted' : 'elsewhere'] += 1;
      }
      expectRace(times, [seen.mounted, seen.elsewhere + seen.refused]);
    });

    test('of a volume, by two containers that share another', async () => {
      const times = iterations / 5;
      const racer = await race.racer(
        ['/shared/place', '/shared/link'],
        `mkdir -p /shared/place; ln -s ${race.canary} /shared/link`,
        ...['-v', 'raced:/shared'],
      );
      let started = 0;
      await together(Array(times), async () => {
        const { code } = await runOnce(race.client, {
          Cmd: shell('true'),
          Volumes: { '/shared/place/inner/deep': {}, '/shared/place/other': {} },
          HostConfig: { Binds: ['raced:/shared'] },
        });
        if (code !== null) started += 1;
      });
      expect(race.damage()).toEqual([]);
      expect(await race.exchanges(racer.id)).toBeGreaterThan(times);
      expect(started).toBeGreaterThan(0);
      await racer[Symbol.asyncDispose]();
      await race.client.volumes.remove('raced');
    });
  });
});
