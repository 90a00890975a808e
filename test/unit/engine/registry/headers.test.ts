import { describe, expect, test } from 'vitest';
import { parseChallenges } from '../../../../engine/registry/challenge.ts';
import { RegistryError, shownUrl } from '../../../../engine/registry/errors.ts';
import { proxyFor } from '../../../../engine/registry/proxy.ts';
import {
  defaultRetry,
  isTransient,
  parseRetryAfter,
  waitBefore,
  withRetry,
} from '../../../../engine/registry/retry.ts';

describe('a challenge', () => {
  test.each<[string, [string, Record<string, string>][]]>([
    ['Basic', [['basic', {}]]],
    ['Basic realm="x"', [['basic', { realm: 'x' }]]],
    [
      'Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"',
      [['bearer', { realm: 'https://a/t', service: 's', scope: 'repository:x:pull,push' }]],
    ],
    ['Bearer Realm = "a\\"b" , Service=plain', [['bearer', { realm: 'a"b', service: 'plain' }]]],
    [
      'Basic realm="x", Bearer realm="y", service="z"',
      [
        ['basic', { realm: 'x' }],
        ['bearer', { realm: 'y', service: 'z' }],
      ],
    ],
    // The first of two counts, so that an appended one cannot replace it.
    ['Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
    ['', []],
    ['="x"', []],
    ['a="b"', []],
    ['Bearer realm="open', [['bearer', {}]]],
  ])('%s is understood as far as it follows the grammar', (header, expected) => {
    const read = parseChallenges(header).map(({ scheme, parameters }) => [
      scheme,
      Object.fromEntries(parameters),
    ]);
    // What is cut off in the middle may leave a scheme without meaning behind.
    expect(
      read.slice(0, Math.max(1, expected.length)).filter(([scheme]) => scheme !== 'realm'),
    ).toEqual(expected);
  });

  test('of a hundred thousand bytes must be read in no time', () => {
    for (const header of [' '.repeat(1e5), 'a,'.repeat(5e4), `Basic x="${'\\"'.repeat(5e4)}`]) {
      const start = performance.now();
      parseChallenges(header);
      expect(performance.now() - start).toBeLessThan(500);
    }
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-20T22:00:00Z');
  test.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Fri, 20 Nov 2026 22:00:30 GMT', 30_000],
    ['Fri, 20 Nov 2026 21:00:00 GMT', 0],
    ['-1', undefined],
    ['soon', undefined],
    ['1e9', undefined],
    [undefined, undefined],
  ])('%s is %s ms', (text, expected) => {
    expect(parseRetryAfter(text, now)).toBe(expected);
  });
});

describe('repeating', () => {
  const waits: number[] = [];
  const policy = {
    ...defaultRetry,
    random: () => 0,
    sleep: (ms: number) => {
      waits.push(ms);
      return Promise.resolve();
    },
  };
  const failing = (error: Error): Promise<{ calls: number; waits: number[]; error: unknown }> => {
    let calls = 0;
    waits.length = 0;
    return withRetry(
      () => {
        calls += 1;
        return Promise.reject(error);
      },
      { policy },
    ).then(
      () => Promise.reject(new Error('it succeeded')),
      (thrown: unknown) => ({ calls, waits: [...waits], error: thrown }),
    );
  };

  test('must wait twice as long each time, and end', async () => {
    const error = new RegistryError('server', 'broken');
    expect(await failing(error)).toEqual({ calls: 5, waits: [125, 250, 500, 1000], error });
  });

  test('must wait as long as the registry asks', async () => {
    const { waits: waited } = await failing(
      new RegistryError('rate-limited', 'x', { retryAfterMs: 3000 }),
    );
    expect(waited).toEqual([3000, 3000, 3000, 3000]);
  });

  test('must not wait longer than anybody would', async () => {
    const { calls } = await failing(
      new RegistryError('rate-limited', 'x', { retryAfterMs: 3_600_000 }),
    );
    expect(calls).toBe(1);
  });

  test.each([
    new RegistryError('not-found', 'x'),
    new RegistryError('unauthorized', 'x'),
    new RegistryError('digest-mismatch', 'x'),
    new RegistryError('unreachable', 'x', {
      cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    }),
    new TypeError('a bug'),
  ])('must not happen after what stays so: %s', async (error) => {
    expect((await failing(error)).calls).toBe(1);
    expect(isTransient(error)).toBe(false);
  });

  test('must spread its waits over the second half', () => {
    const error = new RegistryError('server', 'x');
    const at = (random: number): number =>
      waitBefore(2, error, { ...policy, random: () => random });
    expect([at(0), at(0.5), at(0.999)]).toEqual([250, 375, 499.75]);
    expect(waitBefore(30, error, policy)).toBe(4000);
  });
});

describe('a proxy', () => {
  const env = { HTTPS_PROXY: 'http://proxy:3128', http_proxy: 'proxy:8080' };
  test.each<[string, Record<string, string>, string | null]>([
    ['https://ghcr.io/v2/', env, 'http://proxy:3128/'],
    ['http://r.example/v2/', env, 'http://proxy:8080/'],
    ['https://ghcr.io/', {}, null],
    ['https://localhost:5000/', env, null],
    ['http://127.9.9.9/', env, null],
    ['http://[::1]:5000/', env, null],
    ['https://ghcr.io/', { ...env, NO_PROXY: 'ghcr.io' }, null],
    ['https://a.ghcr.io/', { ...env, NO_PROXY: 'ghcr.io' }, null],
    ['https://xghcr.io/', { ...env, NO_PROXY: 'ghcr.io' }, 'http://proxy:3128/'],
    ['https://ghcr.io/', { ...env, NO_PROXY: '.ghcr.io' }, 'http://proxy:3128/'],
    ['https://a.ghcr.io/', { ...env, no_proxy: '*.ghcr.io' }, null],
    ['https://ghcr.io:444/', { ...env, NO_PROXY: 'ghcr.io:443' }, 'http://proxy:3128/'],
    ['https://ghcr.io/', { ...env, NO_PROXY: 'x, ghcr.io:443 ' }, null],
    ['https://10.1.2.3/', { ...env, NO_PROXY: '10.0.0.0/8' }, null],
    ['https://11.1.2.3/', { ...env, NO_PROXY: '10.0.0.0/8' }, 'http://proxy:3128/'],
    ['https://10.1.2.3/', { ...env, NO_PROXY: '10.1.2.3' }, null],
    ['https://ghcr.io/', { ...env, NO_PROXY: '*' }, null],
    ['https://ghcr.io/', { ...env, NO_PROXY: ',,' }, 'http://proxy:3128/'],
    // A header "Proxy:" of a request becomes HTTP_PROXY in a CGI program.
    ['http://r.example/', { HTTP_PROXY: 'http://evil', REQUEST_METHOD: 'GET' }, null],
  ])('for %s with %o is %s', (url, variables, expected) => {
    expect(proxyFor(new URL(url), variables)?.href ?? null).toBe(expected);
  });

  test('that is none we can speak to must be refused with its variable, not its password', () => {
    const thrown = (): unknown =>
      proxyFor(new URL('https://x.y/'), { HTTPS_PROXY: 'socks5://u:secret@p' });
    expect(thrown).toThrow('HTTPS_PROXY names a proxy that is neither http:// nor https://');
    expect(thrown).not.toThrow(/secret/);
  });
});

test('an address in a message must hide what lets somebody in', () => {
  const url = new URL('https://u:p@s3.example/b?X-Amz-Signature=abc&X-Amz-Credential=k&n=1#frag');
  expect(shownUrl(url)).toBe('https://s3.example/b?X-Amz-Signature=…&X-Amz-Credential=…&n=1');
  expect(shownUrl(new URL('https://x/%E0%ZZ'))).toContain('https://x/');
});
