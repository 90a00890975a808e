import { describe, expect, test } from 'vitest';
import { Ledger } from '../../../network/ledger.ts';
import type { Network, Sandbox, SandboxRequest } from '../../../network/index.ts';
import { mostPorts } from '../../../network/refusals.ts';

const network: Network = {
  ...{ id: 'n', name: 'shop', driver: 'bridge', isInternal: false, hasIpv4: true, hasIpv6: true },
  ipam: [
    { subnet: '10.0.0.0/16', gateway: '10.0.0.1', range: null, reserved: {} },
    { subnet: 'fd00::/64', gateway: 'fd00::1', range: null, reserved: {} },
  ],
  ...{ ipamDriver: 'default', ipamOptions: {}, options: {}, labels: {}, createdAt: '' },
};

function request(id: string): SandboxRequest {
  return { id, name: id, hostname: id, endpoints: [{ networkId: network.id }], ports: [] };
}

function ledgerWith(count: number): Ledger {
  const ledger = new Ledger();
  ledger.addNetwork(network);
  for (let number = 0; number < count; number++) {
    const asked = request(`box-${number}`);
    const endpoints = ledger.lease(asked, ledger.attached(asked));
    const sandbox: Sandbox = {
      id: asked.id,
      name: asked.name,
      endpoints,
      ports: [],
      upstreams: [],
    };
    ledger.sandboxes.set(sandbox.id, sandbox);
  }
  return ledger;
}

describe('the ledger', () => {
  test('must refuse the container for which a bridge of Linux has no port left', () => {
    const ledger = ledgerWith(mostPorts);
    expect(() => ledger.attached(request('one-more'))).toThrow(
      'network "shop" has 1023 containers, which is as many as a bridge of Linux can have',
    );
    ledger.forget('box-7');
    const last = request('one-more');
    expect(ledger.lease(last, ledger.attached(last))[0]?.ipv4?.address).toBe('10.0.4.1');
  });

  test('must give back the one family where the other cannot be had', () => {
    const ledger = ledgerWith(1);
    const wanted = { networkId: network.id, ipv6Address: 'fd00::2' };
    const asked = { ...request('other'), endpoints: [wanted] };
    expect(() => ledger.lease(asked, ledger.attached(asked))).toThrow(
      'address fd00::2 of network "shop" is already in use',
    );
    const fixed = { ...asked, endpoints: [{ networkId: network.id, ipv4Address: '10.0.0.3' }] };
    expect(ledger.lease(fixed, ledger.attached(fixed))[0]?.ipv4?.address).toBe('10.0.0.3');
  });
});
