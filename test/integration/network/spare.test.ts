import { readdir, readlink } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeFd, createNetworkNamespace, nameNetworkNamespace } from '../../../native/index.ts';
import { createId } from '../../../engine/lib/index.ts';
import { eventually } from '../../lib/eventually.ts';
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

describe('a spare namespace', () => {
  test('must look like one that was made for its sandbox', async () => {
    const network = await lab.network();
    const anew = await openSandbox(lab.controller, sandboxRequest([network]));
    await lab.restart([anew.path.split('/').at(-1) ?? ''], undefined, { keepsSpare: true });
    const { controller } = lab;
    await controller.prepare();
    const request = sandboxRequest([network]);
    const spare = await openSandbox(controller, request);
    const expected = await insideOf(anew);
    expect(await insideOf(spare)).toEqual(expected);
    expect(expected.join('\n')).toContain('127.0.0.11');
  });

  test('must be followed by another, be nobody else’s, and end with its engine', async () => {
    const network = await lab.network();
    await lab.restart([], undefined, { keepsSpare: true });
    const { controller } = lab;
    await controller.prepare();
    const requests = [sandboxRequest([network]), sandboxRequest([network]), sandboxRequest([])];
    const opened = await Promise.all(requests.map((request) => openSandbox(controller, request)));
    const inodes = await Promise.all(
      opened.map(({ path }) => runIn({ path }, 'readlink', '/proc/self/ns/net')),
    );
    expect(new Set(inodes).size).toBe(requests.length);
    await eventually(async () => {
      expect(await heldNamespaces()).toHaveLength(namespacesBefore.length + 1);
    });
    await lab.restart(requests.map(({ id }) => id));
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
