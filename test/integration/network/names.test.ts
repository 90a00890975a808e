import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Resolver } from '../../../network/index.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { inventory, Lab, runIn } from './lab.ts';
import type { Place } from './lab.ts';

const lookup = `const dns = new (require('dns').promises.Resolver)({ timeout: 1000, tries: 1 });
  dns.setServers(['127.0.0.11']);
  dns.resolve4(process.argv[1]).then((all) => console.log(all.sort().join(' ')), (error) => console.log(error.code));`;

async function resolve(place: Place, name: string): Promise<string> {
  return (await runIn(place, process.execPath, '-e', lookup, name)).trim();
}

let lab: Lab;
let resolver: Resolver;
let before: Record<string, string>;
let directory: Awaited<ReturnType<typeof tempDir>>;

beforeEach(async () => {
  directory = await tempDir();
  resolver = await Resolver.start({ runRoot: directory.path });
  lab = await Lab.open(resolver);
  before = await inventory(lab);
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  expect(await inventory(lab)).toEqual(before);
  await resolver.stop();
  await directory[Symbol.asyncDispose]();
});

describe('names', () => {
  test('must be answered on the networks they are on, and nowhere else', async () => {
    const [front, back] = [
      await lab.network({ name: 'front' }),
      await lab.network({ name: 'back', isInternal: true }),
    ];
    const web = await lab.sandbox([front], { name: 'shop-web-1', hostname: 'web' });
    const db = await lab.sandbox([], {
      name: 'shop-db-1',
      endpoints: [{ networkId: back, aliases: ['DB', 'database'] }],
    });
    const api = await lab.sandbox([front, back], { name: 'shop-api-1' });
    const address = (handle: typeof web, index = 0): string =>
      handle.endpoints[index]?.ipv4?.address ?? '';
    expect(await resolve(api, 'shop-web-1')).toBe(address(web));
    expect(await resolve(api, 'web')).toBe(address(web));
    expect(await resolve(api, 'db')).toBe(address(db));
    expect(await resolve(api, 'database.back')).toBe(address(db));
    expect(await resolve(api, db.id.slice(0, 12))).toBe(address(db));
    expect(await resolve(web, 'shop-api-1')).toBe(address(api, 0));
    expect(await resolve(db, 'shop-api-1')).toBe(address(api, 1));
    expect(await resolve(web, 'db')).not.toBe(address(db));
    expect(await resolve(db, 'web')).toBe('ENOTFOUND');
    await lab.controller.closeSandbox(web.id);
    expect(await resolve(api, 'web')).not.toBe(address(web));
  });

  test('that several share must give all of their addresses', async () => {
    const network = await lab.network();
    const replicas = [];
    for (const index of [1, 2, 3]) {
      replicas.push(
        await lab.sandbox([], {
          name: `shop-web-${index}`,
          endpoints: [{ networkId: network, aliases: ['web'] }],
        }),
      );
    }
    const addresses = replicas.map(({ endpoints }) => endpoints[0]?.ipv4?.address ?? '').sort();
    expect(await resolve(replicas[0] ?? 'host', 'web')).toBe(addresses.join(' '));
  });

  test('must survive the engine and come back after the resolver', async () => {
    const network = await lab.network();
    const web = await lab.sandbox([network], { name: 'web' });
    const other = await lab.sandbox([network], { name: 'other' });
    const address = web.endpoints[0]?.ipv4?.address ?? '';
    await lab.restart([web.id, other.id]);
    expect(await resolve(other, 'web')).toBe(address);
    process.kill(resolver.pid, 'SIGKILL');
    expect((await resolver.list()).sandboxIds).toEqual([]);
    await lab.controller.restoreNames();
    expect(await resolve(other, 'web')).toBe(address);
    expect(await resolve(web, 'other')).toBe(other.endpoints[0]?.ipv4?.address);
  });
});
