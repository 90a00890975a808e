import { describe, expect, test } from 'vitest';
import { parseUpstream } from '../../../../network/dns/upstream.ts';

describe('an upstream', () => {
  test.each([
    ['10.0.0.1', { address: '10.0.0.1', port: 53, scope: 0 }],
    ['10.0.0.1:5353', { address: '10.0.0.1', port: 5353, scope: 0 }],
    ['2001:db8::1', { address: '2001:db8::1', port: 53, scope: 0 }],
    ['[2001:db8::1]:5353', { address: '2001:db8::1', port: 5353, scope: 0 }],
    ['fe80::1%3', { address: 'fe80::1', port: 53, scope: 3 }],
    ['[fe80::1%3]:54', { address: 'fe80::1', port: 54, scope: 3 }],
  ])('%s must be understood', (text, expected) => {
    expect(parseUpstream(text)).toEqual(expected);
  });

  test.each(['', 'dns.example', '10.0.0.1:0', '10.0.0.1:65536', '10.0.0.1:', '[::1]', 'dns:53'])(
    '"%s" must be refused',
    (text) => {
      expect(parseUpstream(text)).toBeNull();
    },
  );
});
