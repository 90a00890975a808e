/** The drivers that send a log to a server: what arrives, and what becomes of it when server or engine go away. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { appEngine, type AppEngine } from '../lib/app-engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { fluentd, rsyslog, selfSigned, tcpServer, udpServer } from './log-servers.ts';

const absent = missing(
  ...(['root', 'overlayfs', 'nftables', 'docker', 'busybox', 'rsyslog', 'msgpack'] as const),
);

const port = 5514;
const programs = 'sh cat sleep usleep seq sed echo head tr yes'.split(' ');

const options = (driver: string, given: Readonly<Record<string, string>>): readonly string[] => [
  '--log-driver',
  driver,
  ...Object.entries(given).flatMap(([key, value]) => ['--log-opt', `${key}=${value}`]),
];

const numbersIn = (text: string): readonly number[] =>
  [...text.matchAll(/line (\d+)$/gm)].map(([, number]) => Number(number));
/** "1-5,7": every number once. */
const rangesIn = (text: string): string => {
  const ranges: [number, number][] = [];
  for (const number of [...new Set(numbersIn(text))].sort((x, y) => x - y)) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map((range) => range.join('-')).join();
};

const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d';
const stamp = '[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d';
const formats: [string, string, string][] = [
  ['', 'daemon', `${stamp} web/sh\\[\\d+\\]: `],
  ['rfc3164', 'local3', `${stamp} \\S+ web/sh\\[\\d+\\]: `],
  ['rfc5424', '5', `1 ${time}Z \\S+ web/sh \\d+ web/sh - `],
  ['rfc5424micro', 'local7', `1 ${time}\\.\\d{6}Z \\S+ web/sh \\d+ web/sh - `],
];

describe.skipIf(absent.length > 0)(`log drivers (missing: ${absent.join() || 'nothing'})`, () => {
  let app: AppEngine;

  beforeAll(async () => {
    app = await appEngine(programs);
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    await app.clear();
  });

  /** Runs to its end; returns the id. */
  async function ran(script: string, ...given: readonly string[]): Promise<string> {
    const id = await app.docker.ok(
      ...['run', '-d', '--network', 'none', ...given, 'app', 'sh', '-c', script],
    );
    await app.docker.ok('wait', id);
    return id;
  }

  test.each(formats)('syslog must speak the format "%s"', async (format, facility, head) => {
    await using server = await udpServer(port);
    const number = { daemon: 3, local3: 19, '5': 5, local7: 23 }[facility] ?? -1;
    await ran(
      'echo out; echo err >&2',
      ...['--name', 'web'],
      ...options('syslog', {
        ...{ 'syslog-address': `udp://127.0.0.1:${port}`, 'syslog-facility': facility },
        ...(format !== '' && { 'syslog-format': format }),
        tag: '{{.Name}}/sh',
      }),
    );
    await eventually(() => {
      expect(server.text().split('\n').sort()).toEqual([
        '',
        expect.stringMatching(`^<${number * 8 + 3}>${head}err$`),
        expect.stringMatching(`^<${number * 8 + 6}>${head}out$`),
      ]);
    });
  });

  test('a real syslog server must have every line, by TCP and by its socket', async () => {
    await using server = await rsyslog(join(app.engine.root, 'rsyslog'), port);
    const script =
      'seq 1 3000 | sed "s/^/line /"; echo bad >&2; head -c 20000 /dev/zero | tr "\\0" x';
    for (const address of [`tcp://127.0.0.1:${port}`, `unixgram://${server.socket}`]) {
      const before = server.text().length;
      const id = await ran(script, ...options('syslog', { 'syslog-address': address }));
      const name = id.slice(0, 12);
      await eventually(() => {
        const text = server.text().slice(before);
        expect(rangesIn(text)).toBe('1-3000');
        expect(text).toContain(`daemon.err ${name}:  bad\n`);
        expect(text).toContain(`daemon.info ${name}:  line 1\n`);
        // Longer than 16 KiB: in two pieces, as Docker sends it.
        expect(text).toMatch(new RegExp(`^daemon.info ${name}:  x{16384}$`, 'm'));
        expect(text).toMatch(new RegExp(`^daemon.info ${name}:  x{3616}$`, 'm'));
      });
      // What was sent can be read here as well.
      expect(await app.docker.ok('logs', '--tail', '1', id)).toBe('x'.repeat(20_000));
      expect(await app.docker.ok('inspect', '-f', '{{.LogPath}}', id)).toBe('');
    }
  });

  test('a server that goes and comes back must have every line', async () => {
    await using server = await tcpServer(port);
    const script = 'n=0; while [ $n -lt 300 ]; do n=$((n+1)); echo line $n; usleep 10000; done';
    const address = { 'syslog-address': `tcp://127.0.0.1:${port}` };
    const id = await app.docker.ok(
      ...[
        'run',
        '-d',
        '--network',
        'none',
        ...options('syslog', address),
        'app',
        'sh',
        '-c',
        script,
      ],
    );
    for (const reached of [40, 120]) {
      await eventually(() => {
        expect(numbersIn(server.text()).at(-1)).toBeGreaterThan(reached);
      });
      await server.down();
      await eventually(async () => {
        expect(await app.engine.log()).toContain('the log of a container cannot be sent');
      });
      await server.up();
    }
    await app.docker.ok('wait', id);
    await eventually(() => {
      expect(rangesIn(server.text())).toBe('1-300');
    });
    // Twice only what was sent in the second before each break.
    expect(numbersIn(server.text()).length).toBeLessThan(300 + 2 * 150);
  });

  test('an engine that is killed must go on where it was', async () => {
    await using server = await tcpServer(port);
    const script = 'n=0; while [ $n -lt 400 ]; do n=$((n+1)); echo line $n; usleep 10000; done';
    const address = { 'syslog-address': `tcp://127.0.0.1:${port}` };
    const id = await app.docker.ok(
      ...[
        'run',
        '-d',
        '--network',
        'none',
        ...options('syslog', address),
        'app',
        'sh',
        '-c',
        script,
      ],
    );
    await eventually(() => {
      expect(numbersIn(server.text()).at(-1)).toBeGreaterThan(200);
    });
    await app.engine.kill();
    await app.engine.start();
    await app.docker.ok('wait', id);
    await eventually(() => {
      expect(rangesIn(server.text())).toBe('1-400');
    });
    // A second and a half, not all from the beginning.
    expect(numbersIn(server.text()).length).toBeLessThan(400 + 200);
    expect(numbersIn(server.text()).filter((number) => number === 1)).toEqual([1]);
  });

  test('a server that hangs must hold nobody up, and be told what it missed', async () => {
    await using server = await tcpServer(port);
    server.stall(true);
    const id = await ran(
      'yes 123456789012345678901234567890123456789012345678901234567890123 | head -n 300000; echo line 1',
      ...options('syslog', {
        ...{ 'syslog-address': `tcp://127.0.0.1:${port}` },
        ...{ 'cache-max-size': '500k', 'cache-max-file': '2' },
      }),
    );
    expect(await app.docker.ok('logs', '--tail', '1', id)).toBe('line 1');
    server.stall(false);
    await eventually(() => {
      expect(server.text()).toMatch(
        /<27>.*\]: \[tscompose\] \d+ files of this log went by rotation before being read\n/,
      );
      expect(numbersIn(server.text())).toEqual([1]);
    });
  });

  test('what a container says last must arrive before it is removed', async () => {
    await using server = await tcpServer(port);
    const address = options('syslog', { 'syslog-address': `tcp://127.0.0.1:${port}` });
    const script = 'seq 1 20000 | sed "s/^/line /"';
    await app.docker.ok('run', '--rm', '--network', 'none', ...address, 'app', 'sh', '-c', script);
    await eventually(() => {
      expect(rangesIn(server.text())).toBe('1-20000');
    });
    // Of one that is not there nobody waits for.
    await server.down();
    const started = performance.now();
    await app.docker.ok('run', '--rm', '--network', 'none', ...address, 'app', 'echo', 'lost');
    expect(performance.now() - started).toBeLessThan(5000);
    expect(await app.engine.log()).toContain(
      'a container is removed before all of its log was sent',
    );
  });

  test('TLS must be checked, and messages have their length', async () => {
    const directory = join(app.engine.root, 'tls');
    await mkdir(directory);
    const { keyFile, certFile } = selfSigned(directory);
    const tls = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
    await using server = await tcpServer(port, tls);
    const given = {
      'syslog-address': `tcp+tls://127.0.0.1:${port}`,
      'syslog-format': 'rfc5424',
    };
    await ran('echo unchecked', ...options('syslog', given));
    await eventually(async () => {
      expect(await app.engine.log()).toContain('self-signed certificate');
    });
    expect(server.text()).toBe('');
    await ran('echo seen', ...options('syslog', { ...given, 'syslog-tls-ca-cert': certFile }));
    const skips = { ...given, 'syslog-tls-skip-verify': 'true' };
    await ran('echo skipped', ...options('syslog', skips));
    await eventually(() => {
      const [, length = '', message = ''] = /^(\d+) (<30>1 .* - seen\n)/.exec(server.text()) ?? [];
      expect(Number(length)).toBe(message.length);
      expect(server.text()).toMatch(/\d+ <30>1 .* - skipped\n/);
    });
  });

  test('fluentd must have what Docker sends it', async () => {
    await using server = await fluentd(port);
    const before = Math.floor(Date.now() / 1000);
    const id = await ran(
      'echo out; sleep 0.1; printf "\\377\\n" >&2; sleep 0.1; head -c 40000 /dev/zero | tr "\\0" x; echo',
      ...['--name', 'flu', '-l', 'team=a', '-e', 'STAGE=test'],
      ...options('fluentd', {
        ...{ 'fluentd-address': `127.0.0.1:${port}`, tag: 'docker.{{.Name}}' },
        ...{ labels: 'team', env: 'STAGE' },
      }),
    );
    await eventually(() => {
      expect(server.events()).toHaveLength(5);
    });
    const shared = {
      ...{ container_id: id, container_name: '/flu', team: 'a', STAGE: 'test' },
    };
    const [out, err, ...pieces] = server.events();
    expect(out).toEqual({
      tag: 'docker.flu',
      time: expect.any(Number) as number,
      record: { ...shared, source: 'stdout', log: 'out' },
      acked: false,
    });
    expect(out?.time).toBeGreaterThanOrEqual(before);
    expect(err?.record).toEqual({ ...shared, source: 'stderr', log: '\xff' });
    const [first] = pieces;
    const partial_id = first?.record['partial_id'] ?? '';
    expect(partial_id).toMatch(/^[0-9a-f]{64}$/);
    expect(pieces.map(({ record }) => ({ ...record, log: record['log']?.length }))).toEqual(
      [16_384, 16_384, 7232].map((length, index) => ({
        ...{ ...shared, source: 'stdout', log: length, partial_message: 'true', partial_id },
        ...{ partial_ordinal: String(index + 1), partial_last: String(index === 2) },
      })),
    );
  });

  test('fluentd must be asked for a confirmation, and have nanoseconds, where it is wanted', async () => {
    await using server = await fluentd(port);
    await ran(
      'seq 1 1000 | sed "s/^/line /"',
      ...options('fluentd', {
        ...{ 'fluentd-address': `tcp://127.0.0.1:${port}`, 'fluentd-request-ack': 'true' },
        'fluentd-sub-second-precision': 'true',
      }),
    );
    await eventually(() => {
      const text = server.events().map(({ record }) => `${record['log'] ?? ''}\n`);
      expect(rangesIn(text.join(''))).toBe('1-1000');
    });
    const [event] = server.events();
    expect(event?.acked).toBe(true);
    expect(event?.time).toEqual({
      sec: expect.any(Number) as number,
      nsec: expect.any(Number) as number,
    });
  });

  test('drivers of Docker that are not served must be refused by name', async () => {
    for (const driver of ['journald', 'gelf', 'awslogs', 'splunk', 'gcplogs', 'etwlogs']) {
      const LogConfig = { Type: driver, Config: {} };
      await expect(
        app.engine.client.containers.create({ Image: 'app', HostConfig: { LogConfig } }),
      ).rejects.toMatchObject({
        kind: 'invalid-argument',
        message: `the logging driver "${driver}" is not served by this engine (there are: json-file, local, none, syslog, fluentd)`,
      });
    }
  });
});
