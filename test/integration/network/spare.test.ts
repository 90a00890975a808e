import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NetworkController } from '../../../network/index.ts';
import { closeFd, createNetworkNamespace, nameNetworkNamespace } from '../../../native/index.ts';
import { createId } from '../../../engine/lib/index.ts';
import { errnoOf } from '../native/support.ts';
import { inventory, Lab, openSandbox, runIn, sandboxRequest } from './lab.ts';

let lab: Lab;
let before: Record<string, string>;
let namespacesBefore: readonly string[];

beforeEach(async () => {
  lab = await Lab.open();
  before = await inventory(lab);
  namespacesBefore = await heldNamespaces();
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  expect(await inventory(lab)).toEqual(before);
  expect(await heldNamespaces()).toEqual(namespacesBefore);
});

/** Network namespaces that this process has a descriptor of. */
async function heldNamespaces(): Promise<readonly string[]> {
  const targets = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith('net:[')).sort();
}

/** What a program inside sees, without the numbers that differ between any two. */
async function insideOf({ path }: { readonly path: string }): Promise<readonly string[]> {
  const script = `ip -o addr; ip -o -6 route show table all; ip -o route show table all; nft list ruleset;
    sysctl -n net.ipv6.conf.default.disable_ipv6 net.ipv6.conf.lo.disable_ipv6 net.ipv6.conf.eth0.disable_ipv6;
    ss -Hlntu`;
  const text = await runIn({ path }, 'sh', '-c', script);
  return text
    .split('\n')
    .map((line) => line.replace(/172\.\d+\.\d+\.\d+/g, 'ADDRESS').replace(/eth0@if\d+/, 'eth0@IF'))
    .map((line) => line.replace(/^\d+: (\S+)/, '$1').replace(/:\d{4,5}\b/g, ':PORT'));
}

async function isReady(controller: NetworkController): Promise<boolean> {
  const held = await heldNamespaces();
  await controller.prepare();
  return (await heldNamespaces()).length === held.length;
}

describe('a spare namespace', () => {
  test('must look like one that was made for its sandbox', async () => {
    const network = await lab.network();
    const anew = await openSandbox(lab.controller, sandboxRequest([network]));
    const controller = await lab.openController(undefined, { keepsSpare: true });
    await controller.recover([anew.path.split('/').at(-1) ?? '']);
    await controller.prepare();
    const request = sandboxRequest([network]);
    const spare = await openSandbox(controller, request);
    try {
      const expected = await insideOf(anew);
      expect(await insideOf(spare)).toEqual(expected);
      expect(expected.join('\n')).toContain('127.0.0.11');
    } finally {
      await controller.closeSandbox(request.id);
      controller.close();
    }
  });

  test('must be followed by another, be nobody else’s, and end with its engine', async () => {
    const network = await lab.network();
    const controller = await lab.openController(undefined, { keepsSpare: true });
    await controller.recover([]);
    await controller.prepare();
    const requests = [sandboxRequest([network]), sandboxRequest([network]), sandboxRequest([])];
    const opened = await Promise.all(requests.map((request) => openSandbox(controller, request)));
    const inodes = await Promise.all(
      opened.map(({ path }) => runIn({ path }, 'readlink', '/proc/self/ns/net')),
    );
    expect(new Set(inodes).size).toBe(requests.length);
    await delay(200);
    expect(await isReady(controller)).toBe(true);
    for (const { id } of requests) await controller.closeSandbox(id);
    controller.close();
    expect(await heldNamespaces()).toEqual(namespacesBefore);
  });

  test('that cannot be named must leave neither file nor descriptor', async () => {
    const path = `${lab.namespaces}/${createId()}`;
    const namespace = await createNetworkNamespace(null);
    nameNetworkNamespace(namespace, path);
    const nameIt = (other: string) => (): void => {
      nameNetworkNamespace(namespace, other);
    };
    expect(errnoOf(nameIt(path))).toBe('EEXIST');
    expect(errnoOf(nameIt(`${path}/below`))).toBe('ENOTDIR');
    closeFd(namespace);
    await runIn('host', 'umount', path);
    await runIn('host', 'rm', path);
  });
});
