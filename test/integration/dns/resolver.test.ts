import { createSocket } from 'node:dgram';
import { encode, type Packet, type PacketOpt } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import {
  addresses,
  addSandbox,
  ask,
  askStream,
  closedPort,
  query,
  reply,
  startBench,
  startUpstream,
  summary,
} from './support.ts';

const web = { name: 'web', addresses: ['10.9.0.2', '10.9.0.3', '10.9.0.4'] };

describe('names', () => {
  test('a name must be answered in turns, whatever its case', async () => {
    await using bench = await startBench();
    await bench.resolver.setNames('net', [web]);
    const port = await addSandbox(bench.resolver);
    expect([
      await addresses(port, 'web'),
      await addresses(port, 'WEB'),
      await addresses(port, 'Web'),
    ]).toEqual([
      '10.9.0.2 10.9.0.3 10.9.0.4',
      '10.9.0.3 10.9.0.4 10.9.0.2',
      '10.9.0.4 10.9.0.2 10.9.0.3',
    ]);
  });

  test('entries of one name must take turns as one', async () => {
    await using bench = await startBench();
    await bench.resolver.setNames('net', [
      { name: 'db', addresses: ['10.9.0.2'] },
      { name: 'DB', addresses: ['10.9.0.3', '10.9.0.2'] },
    ]);
    const port = await addSandbox(bench.resolver);
    expect(await addresses(port, 'db')).toBe('10.9.0.2 10.9.0.3');
  });

  test('a sandbox must only know the names of its networks', async () => {
    await using bench = await startBench();
    await bench.resolver.setNames('front', [{ name: 'web', addresses: ['10.1.0.2'] }]);
    await bench.resolver.setNames('back', [
      { name: 'web', addresses: ['10.2.0.2'] },
      { name: 'db', addresses: ['10.2.0.3'] },
    ]);
    const front = await addSandbox(bench.resolver, { id: 'a', networkIds: ['front'] });
    const both = await addSandbox(bench.resolver, { id: 'b', networkIds: ['back', 'front'] });
    expect(await Promise.all([addresses(front, 'web'), addresses(front, 'db')])).toEqual([
      '10.1.0.2',
      'NXDOMAIN',
    ]);
    expect(await Promise.all([addresses(both, 'web'), addresses(both, 'db')])).toEqual([
      '10.2.0.2',
      '10.2.0.3',
    ]);

    await bench.resolver.updateSandbox({ id: 'a', networkIds: ['front', 'back'], upstreams: [] });
    expect(await addresses(front, 'db')).toBe('10.2.0.3');
    await bench.resolver.removeNetwork('back');
    expect(await addresses(both, 'db')).toBe('NXDOMAIN');
    await bench.resolver.setNames('front', []);
    expect(await addresses(front, 'web')).toBe('NXDOMAIN');
  });

  test('other types of a known name must be empty, and its address have a name', async () => {
    await using bench = await startBench();
    await bench.resolver.setNames('net', [web, { name: 'alias', addresses: ['10.9.0.3'] }]);
    const port = await addSandbox(bench.resolver);
    for (const type of ['AAAA', 'TXT'] as const) {
      const empty = await ask(port, query('web', type));
      expect(summary(empty)).toBe('');
    }
    expect(summary(await ask(port, query('3.0.9.10.in-addr.arpa', 'PTR')))).toBe('web');
    expect(summary(await ask(port, query('9.0.9.10.in-addr.arpa', 'PTR')))).toBe('NXDOMAIN');
  });

  test('an answer that is too long must be cut off over UDP and whole over TCP', async () => {
    await using bench = await startBench();
    const many = Array.from({ length: 60 }, (_, index) => `10.9.1.${index}`);
    await bench.resolver.setNames('net', [{ name: 'many', addresses: many }]);
    const port = await addSandbox(bench.resolver);
    const short = await ask(port, query('many'));
    expect(short).toMatchObject({ flag_tc: true });
    expect(short.answers?.length).toBe(30);
    const edns: Packet = {
      ...query('many'),
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 4096,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ],
    };
    expect((await ask(port, edns)).answers).toHaveLength(60);
    const replies = await askStream(port, [
      query('many', 'A', 1),
      query('nobody', 'A', 2),
      query('many', 'A', 3),
    ]);
    expect(replies.map((packet) => [packet.id, packet.answers?.length])).toEqual([
      [1, 60],
      [2, 0],
      [3, 60],
    ]);
  });

  test('thousands of names must be told at once', async () => {
    await using bench = await startBench();
    const entries = Array.from({ length: 8000 }, (_, index) => ({
      name: `service-${index}`,
      addresses: [`10.${100 + (index >> 8)}.0.${index & 255}`],
    }));
    await bench.resolver.setNames('net', entries);
    const port = await addSandbox(bench.resolver);
    expect(await addresses(port, 'service-7999')).toBe('10.131.0.63');
    await expect(
      bench.resolver.setNames('net', [
        ...entries,
        ...entries.map(({ name }) => ({ name: `${name}x`, addresses: [] })),
      ]),
    ).rejects.toThrow('too-many');
    expect(await addresses(port, 'service-1')).toBe('10.100.0.1');
  });
});

describe('upstreams', () => {
  test('an unknown name must be asked for there, by UDP and TCP, with an id of our own', async () => {
    await using bench = await startBench();
    using upstream = await startUpstream((packet) => [reply(packet, ['192.0.2.7'])]);
    const port = await addSandbox(bench.resolver, { upstreams: [upstream.address] });
    for (let i = 0; i < 20; i++) {
      const answer = await ask(port, query(`host${i}.example.com`, 'A', 4711));
      expect([answer.id, summary(answer)]).toEqual([4711, '192.0.2.7']);
    }
    const [streamed] = await askStream(port, [query('example.com', 'A', 12)]);
    expect([streamed?.id, streamed === undefined ? '' : summary(streamed)]).toEqual([
      12,
      '192.0.2.7',
    ]);
    const ids = new Set(upstream.queries.map((bytes) => bytes.readUInt16BE(0)));
    expect(ids.size).toBeGreaterThan(15);
    expect(upstream.ports.size).toBeGreaterThan(10);
  });

  test('a reply must be remembered as long as it holds, for those who ask the same servers', async () => {
    await using bench = await startBench();
    using upstream = await startUpstream((packet) => [reply(packet, ['192.0.2.7'])]);
    using other = await startUpstream((packet) => [reply(packet, ['192.0.2.8'])]);
    const upstreams = [upstream.address];
    const ports = [
      await addSandbox(bench.resolver, { id: 'first', upstreams }),
      await addSandbox(bench.resolver, { id: 'second', upstreams }),
    ];
    const stranger = await addSandbox(bench.resolver, { id: 'third', upstreams: [other.address] });
    for (const port of ports) {
      expect(await addresses(port, 'example.com')).toBe('192.0.2.7');
      const answer = await ask(port, query('EXAMPLE.com', 'A', 99));
      expect([answer.id, answer.questions?.[0]?.name]).toEqual([99, 'EXAMPLE.com']);
    }
    expect(upstream.queries).toHaveLength(1);
    const [streamed] = await askStream(ports[0] ?? 0, [query('example.com')]);
    expect(streamed === undefined ? '' : summary(streamed)).toBe('192.0.2.7');
    expect(await addresses(stranger, 'example.com')).toBe('192.0.2.8');
    expect(upstream.queries).toHaveLength(1);
  });

  test('a reply to a query with options of EDNS must be for who asked alone', async () => {
    await using bench = await startBench();
    using upstream = await startUpstream((packet) => [reply(packet, ['192.0.2.7'])]);
    const port = await addSandbox(bench.resolver, { upstreams: [upstream.address] });
    const withOptions = (options: PacketOpt[]): Packet => ({
      ...query('example.com'),
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 1232,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options,
        },
      ],
    });
    const cookie = withOptions([{ code: 12, type: 'PADDING', length: 8 }]);
    await ask(port, cookie);
    await ask(port, withOptions([]));
    expect(upstream.queries).toHaveLength(2);
    await ask(port, cookie);
    expect(upstream.queries).toHaveLength(3);
    await ask(port, withOptions([]));
    expect(upstream.queries).toHaveLength(3);
  });

  test('a server that is silent must make nobody wait twice', async () => {
    await using bench = await startBench();
    using silent = await startUpstream(() => []);
    using second = await startUpstream((packet) => [reply(packet, ['192.0.2.7'])]);
    const upstreams = [silent.address, second.address];
    const port = await addSandbox(bench.resolver, { upstreams });
    expect(await addresses(port, 'one.example.com')).toBe('192.0.2.7');
    const start = performance.now();
    expect(await addresses(port, 'two.example.com')).toBe('192.0.2.7');
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test('without upstreams nothing must leave, and the name not exist', async () => {
    await using bench = await startBench();
    using upstream = await startUpstream((packet) => [reply(packet, ['192.0.2.7'])]);
    const port = await addSandbox(bench.resolver);
    expect(await addresses(port, 'example.com')).toBe('NXDOMAIN');
    expect(upstream.queries).toEqual([]);
  });

  test('a reply with another id, question or source must not be believed', async () => {
    await using bench = await startBench();
    using upstream = await startUpstream((packet, bytes) => {
      const forged = reply(packet, ['203.0.113.1']);
      forged.writeUInt16BE(forged.readUInt16BE(0) ^ 1);
      const other = reply(
        { ...packet, questions: [{ type: 'A', name: 'example.org', class: 'IN' }] },
        ['203.0.113.2'],
      );
      return [forged, other, bytes, bytes.subarray(0, 5), reply(packet, ['192.0.2.7'])];
    });
    const port = await addSandbox(bench.resolver, { upstreams: [upstream.address] });
    expect(await addresses(port, 'example.com')).toBe('192.0.2.7');
  });

  test.each([
    ['refuses connections', async () => ({ address: await closedPort() })],
    ['answers SERVFAIL', () => startUpstream((packet) => [reply(packet, [], 2)])],
    ['is silent', () => startUpstream(() => [])],
    ['sends garbage', () => startUpstream(() => [Buffer.from('garbage'), Buffer.alloc(0)])],
  ])('when the first one %s, the second one must be asked', async (_what, start) => {
    await using bench = await startBench();
    const first = await start();
    using second = await startUpstream((packet) => [reply(packet, ['192.0.2.8'])]);
    const port = await addSandbox(bench.resolver, { upstreams: [first.address, second.address] });
    expect(await addresses(port, 'example.com')).toBe('192.0.2.8');
    const [streamed] = await askStream(port, [query('example.com')]);
    expect(streamed === undefined ? '' : summary(streamed)).toBe('192.0.2.8');
    if (Symbol.dispose in first) first[Symbol.dispose]();
  });

  test('when nobody answers, it must be SERVFAIL before the client gives up', async () => {
    await using bench = await startBench();
    using silent = await startUpstream(() => []);
    const port = await addSandbox(bench.resolver, { upstreams: [silent.address] });
    const start = performance.now();
    expect(await addresses(port, 'example.com')).toBe('SERVFAIL');
    expect(performance.now() - start).toBeLessThan(5000);
    expect(silent.queries).toHaveLength(3);
  });

  test('a refusal that is all there is must be passed on', async () => {
    await using bench = await startBench();
    using upstream = await startUpstream((packet) => [reply(packet, [], 5)]);
    const port = await addSandbox(bench.resolver, { upstreams: [upstream.address] });
    expect(await addresses(port, 'example.com')).toBe('REFUSED');
  });

  test('a reply that is too long must be cut off over UDP and whole over TCP', async () => {
    await using bench = await startBench();
    const many = Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`);
    using upstream = await startUpstream((packet) => [reply(packet, many)]);
    const port = await addSandbox(bench.resolver, { upstreams: [upstream.address] });
    expect(await ask(port, query('example.com'))).toMatchObject({ flag_tc: true, answers: [] });
    const [streamed] = await askStream(port, [query('example.com')]);
    expect(streamed?.answers).toHaveLength(100);
  });

  test('one sandbox with silent upstreams must not take names from another', async () => {
    await using bench = await startBench();
    await bench.resolver.setNames('net', [web]);
    using silent = await startUpstream(() => []);
    using good = await startUpstream((packet) => [reply(packet, ['192.0.2.7'])]);
    const loud = await addSandbox(bench.resolver, { id: 'loud', upstreams: [silent.address] });
    const quiet = await addSandbox(bench.resolver, { id: 'quiet', upstreams: [good.address] });
    const flood = createSocket('udp4');
    for (let i = 0; i < 3000; i++) flood.send(encode(query(`n${i}.example`)), loud, '127.0.0.1');
    const start = performance.now();
    expect(await addresses(quiet, 'web')).toMatch(/^10\.9\.0\./);
    expect(await addresses(quiet, 'example.com')).toBe('192.0.2.7');
    expect(performance.now() - start).toBeLessThan(1000);
    flood.close();
  });
});
