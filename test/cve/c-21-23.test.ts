/**
 * C-21, CVE-2026-42306, and C-23, GHSA-rg2x-37c3-w2rh: the mounts that `cp` sets up for a container, and the mount
 * points that it makes for them, are redirected to the host by somebody who shares a volume with it.
 * The guards are two: paths are resolved in the container's root, and the thread that mounts is in a namespace in which
 * that is the root of everything. C-23 fails without both, C-21 without the first.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { absent, hostSecret, iterations, oneFile, patienceMs, Race } from './racer.ts';

describe.skipIf(absent.length > 0)(
  `C-21, C-23 (missing: ${absent.join() || 'nothing'})`,
  { timeout: patienceMs },
  () => {
    let race: Race;

    beforeAll(async () => {
      race = await Race.open();
    });
    afterAll(async () => {
      await race[Symbol.asyncDispose]();
    });
    beforeEach(() => {
      race.reset();
    });

    /** Of this test: other tests mount as well. */
    const mounts = (): readonly string[] =>
      readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes(race.files.engine.root));

    /** `/shared` of both; the racer exchanges a directory in it for a link to the host's. */
    async function attack(
      [id, target]: readonly [victim: string, target: string],
      variant: 'C-21' | 'C-23',
    ): Promise<void> {
      const before = mounts();
      let written = 0;
      for (let count = 0; count < iterations; count++) {
        await race.client.archives.stat(id, target).catch(() => undefined);
        const archive = oneFile(`planted-${count % 7}`, variant);
        const done = race.client.archives.write(id, target, { archive });
        written += await done.then(
          () => 1,
          () => 0,
        );
        expect((await race.read(id, `${target}/secret`)) ?? '').not.toContain(hostSecret);
      }
      expect(race.damage()).toEqual([]);
      expect(mounts()).toEqual(before);
      expect(written).toBeGreaterThan(0);
    }

    const links = [
      ['an absolute link', ''],
      ['a link through ".."', '../../../../../..'],
    ] as const;
    const cases = links.flatMap(([name, prefix]) =>
      (['created', 'running'] as const).map((condition) => [name, prefix, condition] as const),
    );
    let sequence = 0;

    function sharing(): readonly [options: readonly string[], name: string] {
      sequence += 1;
      return [['-v', `shared-${sequence}:/shared`], `shared-${sequence}`];
    }

    function scriptOf(target: string): string {
      return `mkdir -p /shared/place; ln -s ${target} /shared/link`;
    }

    const names = ['/shared/place', '/shared/link'] as const;

    test.each(cases)('C-21, %s: a volume must not be mounted on the host', async (...args) => {
      const [, prefix, condition] = args;
      const [shared, volume] = sharing();
      // First, because a start may fail while it is raced against.
      const victim = await race.files.made(condition, ...shared, '-v', '/shared/place');
      const racer = await race.racer(names, scriptOf(`${prefix}${race.canary}`), ...shared);
      await attack([victim.id, '/shared/place'], 'C-21');
      expect(await race.isRacing(racer.id)).toBe(true);
      for (const container of [racer, victim]) await container[Symbol.asyncDispose]();
      await race.files.docker.ok('volume', 'rm', volume);
    });

    test.each([
      ['a directory', (): string => '/shared/place/made/deep'],
      ['a file', (): string => `${race.files.path('plain')}:/shared/place/made/file`],
    ])('C-23: the mount point of %s must not be made on the host', async (_, mount) => {
      const [shared, volume] = sharing();
      const victim = await race.files.made('created', ...shared, '-v', mount());
      const racer = await race.racer(names, scriptOf(race.canary), ...shared);
      await attack([victim.id, '/shared'], 'C-23');
      expect(await race.isRacing(racer.id)).toBe(true);
      for (const container of [racer, victim]) await container[Symbol.asyncDispose]();
      await race.files.docker.ok('volume', 'rm', volume);
    });
  },
);
