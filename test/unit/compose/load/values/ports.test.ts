import { describe, expect, test } from 'vitest';
import { attribute, refusal } from './service.ts';

const port = (own: object): unknown => ({ mode: 'ingress', protocol: 'tcp', target: 80, ...own });

describe('short syntax of ports', () => {
  test.each<readonly [string, readonly unknown[]]>([
    ['80', [port({})]],
    ['"80/"', [port({})]],
    ['80/UDP', [port({ protocol: 'udp' })]],
    ['80/sctp', [port({ protocol: 'sctp' })]],
    ['"8080:80/udp"', [port({ published: '8080', protocol: 'udp' })]],
    ['":80"', [port({})]],
    ['127.0.0.1:8080:80', [port({ host_ip: '127.0.0.1', published: '8080' })]],
    ['127.0.0.1::80', [port({ host_ip: '127.0.0.1' })]],
    ['"[::1]:8080:80"', [port({ host_ip: '::1', published: '8080' })]],
    ['"[::1]::80"', [port({ host_ip: '::1' })]],
    ['"[::ffff:1.2.3.4]:81:80"', [port({ host_ip: '::ffff:1.2.3.4', published: '81' })]],
    ['80-81', [port({}), port({ target: 81 })]],
    ['8000-8001:80-81', [port({ published: '8000' }), port({ target: 81, published: '8001' })]],
    ['8000-8010:80', [port({ published: '8000-8010' })]],
    ['80-80:80-80', [port({ published: '80' })]],
    // Not sexagesimal: a number with a colon is text.
    ['22:80', [port({ published: '22' })]],
    ['0o120', [port({})]],
    ['0x50', [port({})]],
  ])('%s', (text, expected) => {
    expect(attribute(`ports: [${text}]`)).toEqual(expected);
  });

  test.each([
    '80/x',
    'a',
    '65536',
    '8080:65536',
    '70000:80',
    '1:2:3:4',
    'localhost:80:80',
    '256.1.1.1:80:80',
    '01.2.3.4:80:80',
    '1.2.3:80:80',
    '[fe80::1%eth0]:80:80',
    '3000-3001:4000-4002',
    '3002-3000',
    '80 :80',
    '',
  ])('%s must be refused', (text) => {
    expect(refusal(`ports: ['${text}']`)).toContain(`invalid port "${text}"`);
  });
});

describe('long syntax of ports', () => {
  test.each<readonly [string, unknown]>([
    ['{target: 80}', {}],
    ['{target: "80"}', {}],
    ['{target: 80, published: 8080}', { published: '8080' }],
    ['{target: 80, published: "80-90"}', { published: '80-90' }],
    ['{target: 80, published: ""}', {}],
    ['{target: 80, host_ip: "::1"}', { host_ip: '::1' }],
    [
      '{target: 80, mode: host, name: web, app_protocol: http}',
      { mode: 'host', name: 'web', app_protocol: 'http' },
    ],
  ])('%s', (item, expected) => {
    expect(attribute(`ports: [${item}]`)).toEqual([port(expected as object)]);
  });
});

test.each<readonly [string, readonly unknown[]]>([
  ['[80, 81, 80]', [port({}), port({ target: 81 })]],
  ['["80:80", "80:80/tcp"]', [port({ published: '80' })]],
  [
    '["80:80", "80:80/udp"]',
    [port({ published: '80' }), port({ published: '80', protocol: 'udp' })],
  ],
  // Without an address it is every one of IPv4.
  ['["80:80", "0.0.0.0:80:80"]', [port({ published: '80', host_ip: '0.0.0.0' })]],
  ['["80-81:80-81", "81:81"]', [port({ published: '80' }), port({ target: 81, published: '81' })]],
])('the same port twice is one: %s', (list, expected) => {
  expect(attribute(`ports: ${list}`)).toEqual(expected);
});
