/**
 * The engine is killed before its n-th call to the kernel, for every n: whatever it was doing, the next one must find
 * nothing that it cannot explain, and leave nothing behind.
 */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createId } from '../../../engine/lib/index.ts';
import { closeFd } from '../../../native/index.ts';
import type { Fd } from '../../../native/index.ts';
import { nativeKernel } from '../../../network/index.ts';
import type { Kernel, NetworkController } from '../../../network/index.ts';
import { ask, inventory, Lab, openSandbox, run, runIn, sandboxRequest, serve, tcp } from './lab.ts';

class Killed extends Error {}

/** A kernel that answers `calls` more calls and then none. Descriptors are given back, as the end of a process does. */
class MortalKernel implements Kernel {
  calls = Infinity;
  made = 0;
  readonly #open = new Set<Fd>();

  readonly openSocket: Kernel['openSocket'] = async (request) =>
    this.#keep(await this.#live(() => nativeKernel.openSocket(request)));
  readonly createNetworkNamespace: Kernel['createNetworkNamespace'] = async (path) =>
    this.#keep(await this.#live(() => nativeKernel.createNetworkNamespace(path)));
  readonly nameNetworkNamespace: Kernel['nameNetworkNamespace'] = (netns, path) => {
    this.#live(() => {
      nativeKernel.nameNetworkNamespace(netns, path);
    });
  };
  readonly openNamespace: Kernel['openNamespace'] = (path) =>
    this.#keep(this.#live(() => nativeKernel.openNamespace(path)));
  readonly removeNetworkNamespace: Kernel['removeNetworkNamespace'] = (path) => {
    this.#live(() => {
      nativeKernel.removeNetworkNamespace(path);
    });
  };
  readonly netlinkExchange: Kernel['netlinkExchange'] = async (...args) =>
    await this.#live(() => nativeKernel.netlinkExchange(...args));
  readonly readSysctl: Kernel['readSysctl'] = async (request) =>
    await this.#live(() => nativeKernel.readSysctl(request));
  readonly writeSysctl: Kernel['writeSysctl'] = async (request) => {
    await this.#live(() => nativeKernel.writeSysctl(request));
  };
  readonly closeFd: Kernel['closeFd'] = (fd) => {
    if (this.#open.delete(fd)) closeFd(fd);
  };

  /** What the kernel does with the descriptors of a process that is gone. */
  closeAll(): void {
    for (const fd of this.#open) closeFd(fd);
    this.#open.clear();
  }

  #live<T>(call: () => T): T {
    this.made++;
    if (this.made > this.calls) throw new Killed(`killed before call ${this.made}`);
    return call();
  }

  #keep(fd: Fd): Fd {
    this.#open.add(fd);
    return fd;
  }
}

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

/** Runs `work` in an engine that dies before its n-th call, for n = 1, 2, … until it lives; then `check` each time. */
async function killEverywhere(
  prepare: (controller: NetworkController) => Promise<void>,
  work: (controller: NetworkController) => Promise<unknown>,
  check: () => Promise<void>,
  options: { readonly keepsSpare?: boolean } = {},
): Promise<number> {
  for (let calls = 0; ; calls++) {
    const kernel = new MortalKernel();
    const controller = await lab.openController(kernel, options);
    await controller.recover([]);
    await prepare(controller);
    await controller.prepare();
    kernel.made = 0;
    kernel.calls = calls;
    const hasFinished = await work(controller).then(
      () => true,
      () => false,
    );
    controller.close();
    kernel.closeAll();
    await check();
    if (hasFinished) return calls;
  }
}

async function createNetworks(controller: NetworkController): Promise<void> {
  for (const id of networks)
    await controller.createNetwork({
      id,
      name: `net-${id.slice(0, 6)}`,
      isInternal: id === networks[1],
    });
}

const networks = [createId(), createId()];

describe('an engine that is killed', () => {
  test.each([
    { how: 'anew', keepsSpare: false },
    { how: 'from the spare one', keepsSpare: true },
  ])(
    'while it opens a sandbox $how must leave nothing that the next one keeps',
    async (options) => {
      const points = await killEverywhere(
        createNetworks,
        (controller) =>
          controller.openSandbox(sandboxRequest(networks, { ports: [tcp(0, 80)] })).opened,
        async () => {
          await lab.restart([]);
          for (const id of networks) await lab.controller.removeNetwork(id);
          expect(await inventory(lab)).toEqual(before);
          expect(lab.records.sandboxes.values()).toEqual([]);
          expect(lab.records.forwarding.values()).toEqual([]);
          expect((await lab.resolver.list()).sandboxIds).toEqual([]);
        },
        options,
      );
      // Both bridges, the namespace, links, DNS, rules: fewer would mean that the count is wrong.
      expect(points).toBeGreaterThan(20);
    },
  );

  test('while it closes sandboxes must leave nothing that the next one keeps', async () => {
    const requests = [
      sandboxRequest(networks, { ports: [tcp(0, 80)] }),
      sandboxRequest([networks[0] ?? '']),
    ];
    const points = await killEverywhere(
      async (controller) => {
        await createNetworks(controller);
        for (const request of requests) await openSandbox(controller, request);
      },
      (controller) => Promise.all(requests.map(({ id }) => controller.closeSandbox(id))),
      async () => {
        await lab.restart([]);
        for (const id of networks) await lab.controller.removeNetwork(id);
        expect(await inventory(lab)).toEqual(before);
        expect(lab.records.sandboxes.values()).toEqual([]);
      },
    );
    expect(points).toBeGreaterThan(3);
  });

  test('and has lost the record of a network must leave a sandbox on its others', async () => {
    const [first = '', second = ''] = networks;
    const kernel = new MortalKernel();
    await lab.restart([], kernel);
    for (const id of networks) await lab.controller.createNetwork({ id, name: id.slice(0, 6) });
    const both = sandboxRequest([first, second], { name: 'live', ports: [tcp(8080, 80)] });
    await openSandbox(lab.controller, both);
    kernel.closeAll();
    await lab.records.networks.delete(first);
    await lab.restart([both.id]);
    const place = lab.controller.sandbox(both.id);
    if (place === undefined) throw new Error('it is gone');
    expect(place.endpoints.map(({ networkId }) => networkId)).toEqual([second]);
    expect((await runIn(place, 'ip', '-o', 'link')).trim().split('\n')).toHaveLength(2);
    const server = await serve(lab, place, { port: 80, answer: 'live' });
    const gateway = place.endpoints[0]?.ipv4?.gateway ?? '';
    expect(await ask('host', '127.0.0.1', 8080)).toBe(`live ${gateway}`);
    expect(lab.warnings.join()).toContain('was on a network that has no usable record');
    server.kill('SIGKILL');
    await once(server, 'exit');
    await lab.restart([]);
    await lab.controller.removeNetwork(second);
    expect((await lab.resolver.list()).sandboxIds).toEqual([]);
  });

  test.each(['joins', 'leaves'] as const)(
    'while a sandbox %s a network must leave it reachable, and able to join again',
    async (change) => {
      const [first = '', second = ''] = networks;
      const alone = sandboxRequest([second], { name: 'live', ports: [tcp(8080, 80)] });
      const both = { ...alone, endpoints: sandboxRequest([first, second]).endpoints };
      const points = await killEverywhere(
        async (controller) => {
          for (const id of networks) await controller.createNetwork({ id, name: id.slice(0, 6) });
          await openSandbox(controller, change === 'joins' ? alone : both);
        },
        (controller) =>
          change === 'joins'
            ? controller.connect(both, first)
            : controller.disconnect(alone, first),
        async () => {
          await lab.restart([alone.id]);
          const place = lab.controller.sandbox(alone.id);
          if (place === undefined) throw new Error('it is gone');
          const server = await serve(lab, place, { port: 80, answer: 'live' });
          const from =
            place.endpoints.find(({ ipv4 }) => ipv4?.isDefault === true)?.ipv4?.gateway ?? '';
          expect(await ask('host', '127.0.0.1', 8080)).toBe(`live ${from}`);
          if (place.endpoints.length === 1) await lab.controller.connect(both, first);
          expect(lab.controller.sandbox(alone.id)?.endpoints).toHaveLength(2);
          expect((await runIn(place, 'ip', '-o', 'link')).trim().split('\n')).toHaveLength(3);
          server.kill('SIGKILL');
          await once(server, 'exit');
          await lab.restart([]);
          for (const id of networks) await lab.controller.removeNetwork(id);
          expect(await inventory(lab)).toEqual(before);
          expect((await lab.resolver.list()).sandboxIds).toEqual([]);
        },
      );
      expect(points).toBeGreaterThan(change === 'joins' ? 6 : 4);
    },
  );

  test('while it removes a network must leave one that can be removed', async () => {
    const points = await killEverywhere(
      async (controller) => {
        await createNetworks(controller);
        const request = sandboxRequest(networks);
        await openSandbox(controller, request);
        await controller.closeSandbox(request.id);
      },
      async (controller) => {
        for (const id of networks) await controller.removeNetwork(id);
      },
      async () => {
        await lab.restart([]);
        for (const { id } of lab.controller.list()) await lab.controller.removeNetwork(id);
        expect(await inventory(lab)).toEqual(before);
        expect(lab.records.forwarding.values()).toEqual([]);
      },
    );
    expect(points).toBeGreaterThan(5);
  });

  test('must leave the living reachable, whatever it was doing', async () => {
    const live = sandboxRequest(networks, { name: 'live', ports: [tcp(8080, 80)] });
    await createNetworks(lab.controller);
    const handle = await openSandbox(lab.controller, live);
    lab.onEnd(() => {
      for (const fd of handle.held) closeFd(fd);
    });
    await serve(lab, handle, { port: 80, answer: 'live' });
    const dying = sandboxRequest(networks, { ports: [tcp(0, 80)] });
    // One engine at a time: the rules have one owner.
    lab.controller.close();
    for (const calls of [0, 3, 6, 9, 12, 15, 18]) {
      const kernel = new MortalKernel();
      const controller = await lab.openController(kernel);
      await controller.recover([live.id]);
      kernel.made = 0;
      kernel.calls = calls;
      await controller.openSandbox(dying).opened.catch(() => null);
      controller.close();
      kernel.closeAll();
      expect(await ask('host', '127.0.0.1', 8080)).toBe(
        `live ${handle.endpoints[0]?.ipv4?.gateway ?? ''}`,
      );
    }
    await lab.restart([live.id]);
    expect(lab.controller.sandbox(live.id)).toMatchObject({
      path: handle.path,
      ports: handle.ports,
    });
    expect(await ask('host', '127.0.0.1', 8080)).toBe(
      `live ${handle.endpoints[0]?.ipv4?.gateway ?? ''}`,
    );
    // Its leases are still its own.
    await expect(
      openSandbox(lab.controller, { ...dying, ports: [tcp(8080, 80)] }),
    ).rejects.toMatchObject({ code: 'port-in-use', fields: { container: 'live' } });
    const next = await lab.sandbox(networks);
    expect(next.endpoints[0]?.ipv4?.address).not.toBe(handle.endpoints[0]?.ipv4?.address);
  });
});

describe('an engine whose undoing fails', () => {
  test('must keep the leases, and give them back when the sandbox is opened or closed again', async () => {
    const network = await lab.network();
    const kernel = new MortalKernel();
    const [request, other] = [sandboxRequest([network]), sandboxRequest([network])];
    await lab.restart([], kernel);
    kernel.made = 0;
    kernel.calls = 12;
    await expect(lab.controller.openSandbox(request).opened).rejects.toThrow('killed before call');
    kernel.calls = Infinity;
    expect(lab.controller.inspect(network).sandboxes.map(({ id }) => id)).toEqual([request.id]);
    expect((await openSandbox(lab.controller, other)).endpoints[0]?.ipv4?.address).toBe(
      '172.18.0.3',
    );
    await openSandbox(lab.controller, request);
    await lab.controller.closeSandbox(request.id);
    await lab.controller.closeSandbox(other.id);
    await lab.restart([]);
    kernel.closeAll();
  });
});

describe('recovery', () => {
  test('must put back what somebody has flushed or deleted by hand', async () => {
    const network = await lab.network();
    const box = await lab.sandbox([network], { ports: [tcp(8080, 80)] });
    const sibling = await lab.sandbox([network]);
    const gateway = box.endpoints[0]?.ipv4?.gateway ?? '';
    await serve(lab, box, { port: 80, answer: 'box' });
    const rules = await run('nft', 'list', 'ruleset');

    // Where nobody watches; flush.test.ts is about an engine that does.
    lab.controller.close();
    await run('nft', 'flush', 'ruleset');
    await lab.restart([box.id, sibling.id]);
    expect(await run('nft', 'list', 'ruleset')).toBe(rules);
    expect(await lab.controller.reassert()).toBe(false);
    // Docker that starts after us makes its chain anew.
    await run('iptables-nft', '-N', 'DOCKER-USER');
    await lab.controller.reassert();
    expect((await run('iptables-nft', '-S', 'DOCKER-USER')).match(/tsc\+ -j ACCEPT/g)).toHaveLength(
      2,
    );
    await run('nft', 'delete', 'table', 'ip', 'filter');

    const other = await lab.sandbox([network], { ports: [tcp(8081, 80)] });
    await lab.controller.closeSandbox(other.id);
    expect(await run('nft', 'list', 'ruleset')).toBe(rules);
    expect(await ask('host', '127.0.0.1', 8080)).toBe(`box ${gateway}`);

    // So does a sandbox that cannot join its bridge.
    const { bridge, name } = lab.controller.inspect(network);
    const warning = `the bridge of network "${name}" was gone and is made anew`;
    await run('ip', 'link', 'delete', bridge ?? '');
    await lab.sandbox([network]);
    expect(lab.warnings.filter((text) => text === warning)).toHaveLength(1);
    expect(await ask('host', '127.0.0.1', 8080)).toBe(`box ${gateway}`);

    await run('ip', 'link', 'delete', bridge ?? '');
    await lab.restart([box.id, sibling.id]);
    expect(await ask('host', '127.0.0.1', 8080)).toBe(`box ${gateway}`);
    expect(await ask(sibling, box.endpoints[0]?.ipv4?.address ?? '', 80)).toBe(
      `box ${sibling.endpoints[0]?.ipv4?.address ?? ''}`,
    );
    expect(lab.warnings.filter((text) => text === warning)).toHaveLength(2);
  });

  test('must close what lives no more, as one', async () => {
    const network = await lab.network();
    const live = await lab.sandbox([network]);
    await lab.sandbox([network], { ports: [tcp(8080, 80)] });
    await lab.sandbox([network]);
    await lab.restart([live.id]);
    expect(lab.controller.inspect(network).sandboxes.map(({ id }) => id)).toEqual([live.id]);
    const ports = await run('ip', '-br', 'link', 'show', 'type', 'veth');
    expect(ports.trim().split('\n')).toHaveLength(1);
    expect(
      (
        await run('nft', 'list', 'map', 'inet', lab.instance.replace('-', '_'), 'published')
      ).includes('8080'),
    ).toBe(false);
  });
});
