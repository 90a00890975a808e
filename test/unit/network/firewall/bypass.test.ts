import { describe, expect, test } from 'vitest';
import { BypassWarning } from '../../../../network/firewall/bypass.ts';
import { guardOf } from '../../../../network/firewall/foreign.ts';

describe('what guards the host', () => {
  test.each([
    ['ufw', [{ table: 'filter', chain: 'ufw-user-input' }]],
    ['firewalld', [{ table: 'firewalld', chain: 'filter_INPUT' }]],
    ['firewalld', [{ table: 'filter', chain: 'IN_public' }]],
    [null, [{ table: 'filter', chain: 'DOCKER-USER' }]],
    [null, [{ table: 'mine', chain: 'ufw-user-input' }]],
    [null, []],
  ])('must be told by its chains: %s', (expected, chains) => {
    expect(guardOf(chains)).toBe(expected);
  });
});

describe('the warning', () => {
  const any = { hostIp: '0.0.0.0', published: 8080 };
  const loopback = { hostIp: '127.0.0.1', published: 8081 };

  test.each([
    ['is not there without a guard', null, [any], 0],
    ['is not there for ports of this host alone', 'ufw', [loopback], 0],
    ['is there once for those of every address', 'ufw', [loopback, any], 1],
    ['is there for IPv6', 'firewalld', [{ ...any, hostIp: '::' }], 1],
  ])('%s', (_, guard, ports, count) => {
    for (const isGuardFirst of [true, false]) {
      const told: string[] = [];
      const warning = new BypassWarning((text) => told.push(text));
      if (isGuardFirst) warning.guardIs(guard);
      warning.published(ports);
      warning.guardIs(guard);
      warning.published(ports);
      expect(told).toHaveLength(count);
    }
  });
});
