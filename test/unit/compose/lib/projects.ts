import fc from 'fast-check';

export type Plain = string | number | boolean | null | readonly Plain[] | PlainMap;
export interface PlainMap {
  readonly [key: string]: Plain;
}

const word = fc.constantFrom('a', 'b-c', 'd_e', 'f.g', 'h1');
const text = fc.oneof(
  word,
  fc.constantFrom(
    '',
    ' x ',
    'a: b',
    '# c',
    '1',
    '0777',
    'true',
    'null',
    '~',
    'é',
    '$$A',
    '${B:-c}',
  ),
  fc.constantFrom(
    'multi\nline',
    '"q"',
    "it's",
    '\\',
    '- a',
    '{',
    'a\tb',
    '2020-01-01',
    '1e3',
    '=',
    ':',
  ),
);
const scalar = fc.oneof(text, fc.integer({ min: -9, max: 9999 }), fc.boolean(), fc.constant(null));
const mapOf = (value: fc.Arbitrary<Plain>): fc.Arbitrary<Plain> =>
  fc.dictionary(word, value, { maxKeys: 3 });
const some = (item: fc.Arbitrary<Plain>): fc.Arbitrary<Plain> =>
  fc.uniqueArray(item, { maxLength: 3, selector: (value) => JSON.stringify(value) });

/** Maps as maps, or as lists of "key=value". */
const variables = fc.oneof(
  mapOf(scalar),
  some(fc.tuple(word, text).map(([key, value]) => `${key}=${value}`)),
);

const port = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 65_000 }), fc.integer({ min: 1, max: 65_000 }))
    .map(([host, inside]) => `${host}:${inside}`),
  fc.constantFrom('127.0.0.1:80:80/udp', '[::1]:1:2', '3-5:3-5', '9'),
  fc.record({
    target: fc.integer({ min: 1, max: 65_000 }),
    protocol: fc.constantFrom('tcp', 'udp'),
  }),
);

const mount = fc.oneof(
  fc.constantFrom('data:/data', './x:/x:ro', '/var/y', '~/z:/z', 'data:/w:rw,z'),
  fc.record({
    type: fc.constantFrom('volume', 'tmpfs'),
    target: fc.constantFrom('/p', '/q/'),
    read_only: fc.boolean(),
  }),
);

const service = fc
  .record(
    {
      annotations: variables,
      cap_add: some(fc.constantFrom('NET_ADMIN', 'SYS_TIME')),
      command: fc.oneof(some(text), fc.constantFrom('echo "a b" $$c', '')),
      cpus: fc.constantFrom(0.5, '1.5', 2),
      deploy: fc.record({ replicas: fc.integer({ min: 0, max: 3 }) }, { requiredKeys: [] }),
      dns: fc.oneof(fc.constant('1.1.1.1'), fc.constant(['1.1.1.1', '8.8.8.8'])),
      environment: variables,
      expose: some(fc.constantFrom('80', '90-91/udp', 100)),
      extra_hosts: fc.constantFrom(['a=1.2.3.4', 'b:::1'], { c: '1.1.1.1', d: ['2.2.2.2', '::1'] }),
      healthcheck: fc.record({
        test: fc.constantFrom('true', ['CMD', 'x'], ['NONE']),
        interval: fc.constantFrom('1m30s', '1.5h', '90s'),
      }),
      labels: variables,
      logging: fc.record({ driver: word, options: mapOf(text) }),
      mem_limit: fc.constantFrom('1g', '512m', 1024, '1.5k'),
      networks: fc.constantFrom(['net'], { net: { aliases: ['z'] } }, { net: null }),
      ports: some(port),
      restart: fc.constantFrom('always', 'no', 'on-failure:3'),
      secrets: fc.constantFrom(['secret'], [{ source: 'secret', target: '/s', mode: 288 }]),
      stop_grace_period: fc.constantFrom('1s', '1m'),
      sysctls: fc.constantFrom(['a.b=1'], { 'a.b': 1 }),
      tmpfs: fc.constantFrom('/t', ['/t', '/u:size=1m']),
      tty: fc.boolean(),
      ulimits: fc.constantFrom({ nofile: 5 }, { nofile: { soft: 1, hard: 2 } }),
      volumes: some(mount),
      'x-own': mapOf(scalar),
    },
    { requiredKeys: [] },
  )
  .map((attributes): PlainMap => ({ image: 'nginx', ...(attributes as PlainMap) }));

/** What a compose file may say, as far as it is right. */
export const projects: fc.Arbitrary<PlainMap> = fc
  .record({
    services: fc.dictionary(fc.constantFrom('web', 'db', 'api'), service, {
      minKeys: 1,
      maxKeys: 3,
    }),
    'x-top': mapOf(scalar),
  })
  .map((project): PlainMap => ({
    name: 'shop',
    ...(project as PlainMap),
    networks: { net: null },
    volumes: { data: { labels: ['a=b'] } },
    secrets: { secret: { environment: 'A' } },
  }));

/** The same with the keys of every map in another order. */
export function reordered(value: Plain, turn: number): Plain {
  if (Array.isArray(value)) return value.map((item: Plain) => reordered(item, turn));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as PlainMap);
  const at = turn % Math.max(1, entries.length);
  return Object.fromEntries(
    [...entries.slice(at), ...entries.slice(0, at)].map(([key, item]) => [
      key,
      reordered(item, turn),
    ]),
  );
}
