/** The first thing a newcomer does, as the README tells it. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { eventually } from '../lib/eventually.ts';
import { helloExample, hitCounter } from '../lib/hello.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'redis', 'overlayfs', 'nftables').length === 0;

describe.skipIf(!isAble)('the hit counter', () => {
  test('counts, goes on counting after down and up, forgets after down -v, leaves nothing', async () => {
    await using engine = await TestEngine.create();
    await cp(helloExample, join(engine.root, 'project'), { recursive: true });
    await engine.start();
    const before = await takeAudit(engine.scope);
    // The first start of all opens what the engine keeps for the others, such as the shim's sealed program.
    await engine.mustCli(['up', '-d']);
    await engine.mustCli(['down', '-v']);
    await expectNoLeaks(before, engine.scope);
    const withDescriptors = { ...engine.scope, descriptorsOf: [await engine.pid()] };
    const warm = await takeAudit(withDescriptors);

    await engine.mustCli(['up', '-d']);
    await eventually(hitCounter);
    const first = await hitCounter();
    expect([await hitCounter(), await hitCounter()]).toEqual([first + 1, first + 2]);

    await engine.mustCli(['down']);
    await expect(hitCounter()).rejects.toThrow('fetch failed');
    await engine.mustCli(['up', '-d']);
    expect(await eventually(hitCounter)).toBe(first + 3);

    await engine.mustCli(['down', '-v']);
    await expectNoLeaks(warm, withDescriptors);

    await engine.mustCli(['up', '-d']);
    expect(await eventually(hitCounter)).toBe(1);
    await engine.mustCli(['down', '-v']);
    await expectNoLeaks(warm, withDescriptors);
  });
});
