/** C-19, CVE-2018-15664: a link that is exchanged while `cp` resolves a path leads out of the container. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { absent, hostSecret, iterations, oneFile, patienceMs, Race } from './racer.ts';

describe.skipIf(absent.length > 0)(
  `C-19, CVE-2018-15664: a copy must stay inside (missing: ${absent.join() || 'nothing'})`,
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

    /** A directory that is a link every other moment; where it leads, there is something in the container too. */
    const variants = [
      ['an absolute link', (canary: string) => canary],
      ['a link through ".."', (canary: string) => `../../../../../../../..${canary}`],
      ['a link through the root of a process', (canary: string) => `/proc/1/root${canary}`],
    ] as const;

    function script(target: string): string {
      return `mkdir -p /race/place ${race.canary}
echo inner >/race/place/secret; echo elsewhere >${race.canary}/secret
ln -s ${target} /race/link`;
    }

    test.each(variants)('out, %s: nothing of the host must come', async (_, targetOf) => {
      await using racer = await race.racer(
        ['/race/place', '/race/link'],
        script(targetOf(race.canary)),
      );
      const seen = { inner: 0, elsewhere: 0, nothing: 0 };
      for (let count = 0; count < iterations; count++) {
        const read = await race.read(racer.id, '/race/place/secret');
        expect(read ?? '').not.toContain(hostSecret);
        if (read === null) seen.nothing += 1;
        else seen[read.includes('inner') ? 'inner' : 'elsewhere'] += 1;
        const whole = await race.read(racer.id, '/race/place/.');
        expect(whole ?? '').not.toContain(hostSecret);
      }
      expect(await race.exchanges(racer.id)).toBeGreaterThan(iterations);
      // Both sides of the race were met.
      expect(seen.inner).toBeGreaterThan(0);
      expect(seen.elsewhere + seen.nothing).toBeGreaterThan(0);
    });

    test.each(variants)('in, %s: nothing must reach the host', async (_, targetOf) => {
      await using racer = await race.racer(
        ['/race/place', '/race/link'],
        script(targetOf(race.canary)),
      );
      let written = 0;
      for (let count = 0; count < iterations; count++) {
        const done = await race.client.archives
          .write(racer.id, '/race/place', { archive: oneFile(`deep/planted-${count % 7}`, 'x') })
          .then(
            () => true,
            () => false,
          );
        if (done) written += 1;
        const over = race.client.archives.write(racer.id, '/race/place', {
          archive: oneFile('secret', 'overwritten'),
        });
        await over.catch(() => undefined);
      }
      expect(race.damage()).toEqual([]);
      expect(await race.exchanges(racer.id)).toBeGreaterThan(iterations);
      expect(written).toBeGreaterThan(0);
    });
  },
);
