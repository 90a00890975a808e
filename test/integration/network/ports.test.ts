import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, inventory, Lab, run, serve, tcp } from './lab.ts';

let lab: Lab;
let before: Record<string, string>;

beforeEach(async () => {
  lab = await Lab.open();
  before = await inventory(lab);
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  expect(await inventory(lab)).toEqual(before);
});

test('connections of a sandbox that is gone must be forgotten, as its address may be the next one’s', async () => {
  const network = await lab.network();
  const [box, other] = [
    await lab.sandbox([network], { ports: [tcp(8080, 80)] }),
    await lab.sandbox([network], { ports: [tcp(8081, 80)] }),
  ];
  for (const place of [box, other]) await serve(lab, place, { port: 80, answer: 'box' });
  for (const port of [8080, 8081]) expect(await ask('host', '127.0.0.1', port)).toMatch(/^box /);
  const tracked = async ({ endpoints }: typeof box): Promise<number> => {
    const listed = await run('conntrack', '-L', '-r', endpoints[0]?.ipv4?.address ?? '');
    return listed.split('\n').filter((line) => line.startsWith('tcp')).length;
  };
  expect(await tracked(box)).toBe(1);
  await lab.controller.closeSandbox(box.id);
  expect(await tracked(box)).toBe(0);
  expect(await tracked(other)).toBe(1);
});

describe('a port in use', () => {
  test('must name the process that holds it, and leave nothing', async () => {
    const network = await lab.network();
    const server = await serve(lab, 'host', { port: 8080, answer: 'host' });
    const program = (await readFile(`/proc/${String(server.pid)}/comm`, 'utf8')).trim();
    await expect(lab.sandbox([network], { ports: [tcp(8080, 80)] })).rejects.toMatchObject({
      code: 'port-in-use',
      message: 'address 0.0.0.0:8080 is already in use',
      hint: expect.stringMatching(
        new RegExp(
          String.raw`^process ${String(server.pid)} \(${program}\) of user root, started \d{4}-\d\d-\d\dT[\d:.]+Z, holds it; stop it or publish another port$`,
        ),
      ) as string,
      fields: { protocol: 'tcp', address: '0.0.0.0', port: 8080, pid: server.pid, user: 'root' },
    });
    expect(lab.controller.inspect(network).sandboxes).toEqual([]);
  });

  test('in a range must be passed over', async () => {
    const network = await lab.network();
    await serve(lab, 'host', { port: 8080, answer: 'host' });
    const box = await lab.sandbox([network], {
      ports: [{ ...tcp(8080, 80), lastPublished: 8081 }],
    });
    await serve(lab, box, { port: 80, answer: 'box' });
    expect(box.ports.map(({ published }) => published)).toEqual([8081]);
    expect(await ask('host', '127.0.0.1', 8081)).toMatch(/^box /);
  });

  test('must name the container that holds it', async () => {
    const network = await lab.network();
    const first = await lab.sandbox([network], { name: 'shop-web-1', ports: [tcp(8080, 80)] });
    await expect(
      lab.sandbox([network], { ports: [tcp(8081, 80), tcp(8080, 80, '127.0.0.1')] }),
    ).rejects.toMatchObject({
      code: 'port-in-use',
      message: 'address 127.0.0.1:8080 is already in use',
      hint: 'container "shop-web-1" holds it; stop it or publish another port',
      fields: { container: 'shop-web-1', containerId: first.id },
    });
    // What the failed one had taken is free again.
    await lab.sandbox([network], { ports: [tcp(8081, 80)] });
  });

  test('of an address that the host does not have must say so', async () => {
    const network = await lab.network();
    await expect(
      lab.sandbox([network], { ports: [tcp(8080, 80, '10.200.0.1')] }),
    ).rejects.toMatchObject({
      code: 'invalid-argument',
      message: 'address 10.200.0.1 is not an address of this host',
    });
  });
});
