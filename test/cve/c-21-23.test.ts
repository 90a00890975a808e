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
  `mounts of a copy (missing: ${absent.join() || 'nothing'})`,
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
    async function attack(id: string, target: string, times: number): Promise<void> {
      const before = mounts();
      let written = 0;
      for (let count = 0; count < times; count++) {
        await race.client.archives.stat(id, target).catch(() => undefined);
        const archive = oneFile(`planted-${count % 7}`, 'planted');
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

    const cases = [
      ['created', 'an absolute link', '', iterations],
      ['running', 'an absolute link', '', iterations],
      ['created', 'a link through ".."', '../../../../../..', iterations / 5],
      ['running', 'a link through ".."', '../../../../../..', iterations / 5],
    ] as const;
    let sequence = 0;

    function sharing(): readonly [options: readonly string[], name: string] {
      sequence += 1;
      return [['-v', `shared-${sequence}:/shared`], `shared-${sequence}`];
    }

    function scriptOf(target: string): string {
      return `mkdir -p /shared/place; ln -s ${target} /shared/link`;
    }

    const names = ['/shared/place', '/shared/link'] as const;

    describe('C-21, CVE-2026-42306: a volume must not be mounted on the host', () => {
      test.each(cases)('of a %s container, by %s', async (condition, _, prefix, times) => {
        const [shared, volume] = sharing();
        // First, because a start may fail while it is raced against.
        const victim = await race.files.made(condition, ...shared, '-v', '/shared/place');
        const racer = await race.racer(names, scriptOf(`${prefix}${race.canary}`), ...shared);
        await attack(victim.id, '/shared/place', times);
        expect(await race.exchanges(racer.id)).toBeGreaterThan(times);
        for (const container of [racer, victim]) await container[Symbol.asyncDispose]();
        await race.files.docker.ok('volume', 'rm', volume);
      });
    });

    describe('C-23, GHSA-rg2x-37c3-w2rh: a mount point must not be made on the host', () => {
      const directory = (): string => '/shared/place/made/deep';
      const file = (): string => `${race.files.path('plain')}:/shared/place/made/file`;

      test.each([
        ['a directory', 'an absolute link', directory, '', iterations],
        ['a file', 'an absolute link', file, '', iterations],
        ['a directory', 'a link through ".."', directory, '../../../../../..', iterations / 5],
        ['a file', 'a link through ".."', file, '../../../../../..', iterations / 5],
      ])('of %s, by %s', async (_kind, _link, mount, prefix, times) => {
        const [shared, volume] = sharing();
        const victim = await race.files.made('created', ...shared, '-v', mount());
        const racer = await race.racer(names, scriptOf(`${prefix}${race.canary}`), ...shared);
        await attack(victim.id, '/shared', times);
        expect(await race.exchanges(racer.id)).toBeGreaterThan(times);
        for (const container of [racer, victim]) await container[Symbol.asyncDispose]();
        await race.files.docker.ok('volume', 'rm', volume);
      });
    });
  },
);
