import { describe, expect, test } from 'vitest';

import { EngineClient, formatAddress, parseAddress } from '../../../../engine/client/index.ts';

describe('engine address', () => {
  test.each([
    ['unix:///run/tscompose/engine.sock', 'unix:///run/tscompose/engine.sock'],
    ['tcp://127.0.0.1:2375', 'tcp://127.0.0.1:2375'],
    ['tcp://localhost', 'tcp://localhost:2375'],
    ['tcp://localhost:80/', 'tcp://localhost:80'],
    ['tcp://:2375', 'tcp://127.0.0.1:2375'],
    ['http://[::1]:9', 'tcp://[::1]:9'],
    ['https://engine.example', 'https://engine.example:2376'],
    ['ssh://host', 'ssh://host'],
    ['ssh://me@host:22/run/x.sock', 'ssh://me@host:22/run/x.sock'],
  ])('%s must be read, and written as %s', (text, written) => {
    expect(formatAddress(parseAddress(text))).toBe(written);
  });

  test.each([
    ['', 'expected unix://, tcp://, https:// or ssh://'],
    ['/run/engine.sock', 'expected unix://'],
    ['npipe:////./pipe/x', 'expected unix://'],
    ['unix://engine.sock', 'the socket path must be absolute'],
    ['tcp://host:99999', 'malformed host or port'],
    ['tcp://host:x', 'malformed host or port'],
    ['tcp://host:1/path', 'it must not have a path'],
    ['tcp://me@host:1', 'it must not have a user'],
    ['ssh://', 'it must have a host'],
    ['tcp://a b', 'malformed host or port'],
  ])('"%s" must be refused: %s', (text, why) => {
    expect(() => parseAddress(text)).toThrow(why);
  });

  test('a password must not be repeated', () => {
    expect(() => parseAddress('ssh://me:hunter2@host')).toThrow(/^(?!.*hunter2)/);
  });

  test.each([
    [
      'ssh://me@host',
      'cannot use ssh://me@host: ssh:// connections are not served by this version',
    ],
    ['https://host:1', 'cannot use https://host:1: TLS connections are not served by this version'],
    ['tcp://10.0.0.1:2375', 'plain tcp:// is served on the loopback address only'],
  ])('%s must be refused by the client: %s', (address, message) => {
    expect(() => new EngineClient({ address })).toThrow(message);
  });
});
