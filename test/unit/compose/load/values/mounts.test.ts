import { describe, expect, test } from 'vitest';
import { attribute, refusal, warnings } from './service.ts';

const bind = (source: string, target: string, own = {}): unknown => ({
  type: 'bind',
  source,
  target,
  bind: { create_host_path: true, ...own },
});
const volume = (source: string, target: string, own = {}): unknown => ({
  type: 'volume',
  source,
  target,
  volume: {},
  ...own,
});

describe('short syntax of volumes', () => {
  test.each<readonly [string, unknown]>([
    ['/anonymous', { type: 'volume', target: '/anonymous', volume: {} }],
    // So short a text is a target whatever it is.
    ['/', { type: 'volume', target: '/' }],
    ['c:', { type: 'volume', target: 'c:' }],
    [':a', { type: 'volume', target: ':a' }],
    ['data:/d', volume('data', '/d')],
    ['data:/d:ro', volume('data', '/d', { read_only: true })],
    ['data:/d:ro,rw', volume('data', '/d')],
    ['data:/d:nocopy', volume('data', '/d', { volume: { nocopy: true } })],
    ['data:/d:z', volume('data', '/d', { bind: { selinux: 'z' } })],
    ['data:/d:rshared', volume('data', '/d', { bind: { propagation: 'rshared' } })],
    ['data:/d:cached,what', volume('data', '/d')],
    ['/s:/d', bind('/s', '/d')],
    ['/s:/d/', bind('/s', '/d')],
    ['/x/../s:/i/./j', bind('/x/../s', '/i/j')],
    ['/s:relative', bind('/s', 'relative')],
    ['/s:/d:Z,rslave', bind('/s', '/d', { selinux: 'Z', propagation: 'rslave' })],
    ['./s:/d', bind('/shop/s', '/d')],
    ['.:/d', bind('/shop', '/d')],
    ['../s:/d', bind('/s', '/d')],
    ['~:/d', bind('/home/ada', '/d')],
    ['~/s:/d', bind('/home/ada/s', '/d')],
    ['C:\\s:/d', bind('C:\\s', '/d')],
    ['C:/s:/d:ro', { ...(bind('C:/s', '/d') as object), read_only: true }],
    ['C:\\s:D:\\d', bind('C:\\s', 'D:\\d')],
    ['C:\\s:d:', bind('C:\\s', 'd:')],
    ['\\\\.\\pipe\\s:/d', bind('\\\\.\\pipe\\s', '/d')],
    // One letter and a colon are a drive, also where a volume was meant.
    ['v:/d', { type: 'volume', target: 'v:/d', volume: {} }],
    ['v:/d:ro', bind('v:/d', 'ro')],
    // An option of one letter before a colon is read as a drive as well, and known to nobody.
    ['/s:/d:z:Z', bind('/s', '/d')],
  ])('%s', (text, expected) => {
    expect(attribute(`volumes: ['${text}']`)).toEqual([expected]);
  });

  test.each([
    ['data::/d', 'a part between colons is empty'],
    ['data:/d:', 'a part between colons is empty'],
    ['data:/d:ro:nocopy', 'too many colons'],
    ['', 'it is empty'],
  ])('%s must be refused', (text, reason) => {
    expect(refusal(`volumes: ['${text}']`)).toContain(reason);
  });

  test('a drive that may be a volume must be warned of', () => {
    expect(warnings("volumes: ['v:/d']").join()).toContain('is read as a Windows drive');
    expect(warnings("volumes: ['C:/s:/d']")).toEqual([]);
  });
});

describe('long syntax of volumes', () => {
  test.each<readonly [string, unknown]>([
    ['{type: bind, source: ~/s, target: /d}', { source: '/home/ada/s' }],
    ['{type: bind, source: s, target: /d}', { source: '/shop/s' }],
    ["{type: bind, source: '', target: /d}", { source: '/shop' }],
    ['{type: bind, source: /s, target: /d, bind: {}}', { bind: {} }],
    [
      '{type: bind, source: /s, target: /d, bind: {create_host_path: false}}',
      { bind: { create_host_path: false } },
    ],
    [
      '{type: tmpfs, target: /d, tmpfs: {size: 10m, mode: 01777}}',
      { tmpfs: { size: '10485760', mode: 0o1777 } },
    ],
    ['{type: tmpfs, target: /d, tmpfs: {size: 0}}', { tmpfs: {} }],
    ['{type: volume, target: /d, volume: {nocopy: false}}', { volume: {} }],
    [
      '{type: volume, target: /d, volume: {labels: [a, b=c]}}',
      { volume: { labels: { a: '', b: 'c' } } },
    ],
  ])('%s', (item, expected) => {
    expect(attribute(`volumes: [${item}]`)).toEqual([expect.objectContaining(expected as object)]);
  });
});

test('what says nothing must be left out of a mount', () => {
  expect(attribute("volumes: [{type: volume, source: '', target: /d, read_only: false}]")).toEqual([
    { type: 'volume', target: '/d' },
  ]);
});

describe('devices', () => {
  test.each<readonly [string, unknown]>([
    ['/dev/a', { source: '/dev/a', target: '/dev/a', permissions: 'rwm' }],
    ['/dev/a:/dev/b', { source: '/dev/a', target: '/dev/b', permissions: 'rwm' }],
    ['/dev/a:/dev/b:r', { source: '/dev/a', target: '/dev/b', permissions: 'r' }],
    ['v.com/c=n', { source: 'v.com/c=n', target: 'v.com/c=n', permissions: 'rwm' }],
  ])('%s', (text, expected) => {
    expect(attribute(`devices: ['${text}']`)).toEqual([expected]);
  });
  test.each(['a:b:c:d', 'a:b:c:'])('%s must be refused', (text) => {
    expect(refusal(`devices: ['${text}']`)).toContain('invalid device');
  });
});
