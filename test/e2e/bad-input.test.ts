/** Whatever a user gets wrong: one clear error at its place, exit code not 0, nothing left behind. */
import { createServer } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import type { Audit } from '../lib/audit.ts';
import { command, cliPath, TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;

const port = 18_081;

interface Case {
  readonly name: string;
  readonly file: string;
  readonly says: readonly RegExp[];
}

const cases: readonly Case[] = [
  {
    name: 'a file that is not YAML',
    file: 'services:\n  web: [unclosed\n',
    says: [/^error\[yaml-syntax\]: /m, /--> compose\.yaml:[23]:\d+$/m, /\^/],
  },
  {
    name: 'an unknown key',
    file: 'services:\n  web:\n    image: tscompose.local/host\n    prots: ["80:80"]\n',
    says: [/unknown key "prots"/, /--> compose\.yaml:4:5$/m, /\^{5}/, /ports/],
  },
  {
    name: 'a missing image',
    file: 'services:\n  web:\n    image: nobody/has-this:1\n',
    says: [/image "nobody\/has-this:1"/, /--> compose\.yaml:3:12$/m, /\^{17}/],
  },
  {
    name: 'a cycle in depends_on',
    file: [
      'services:',
      '  a:',
      '    image: tscompose.local/host',
      '    depends_on: [b]',
      '  b:',
      '    image: tscompose.local/host',
      '    depends_on: [a]',
      '',
    ].join('\n'),
    says: [/a → b → a/, /--> compose\.yaml:4:18$/m],
  },
  {
    name: 'a port in use',
    file: [
      'services:',
      '  first:',
      '    image: tscompose.local/host',
      '    command: [sleep, "1000"]',
      '    stop_signal: SIGKILL',
      '    volumes: ["made:/made"]',
      '  web:',
      '    image: tscompose.local/host',
      '    command: [sleep, "1000"]',
      '    ports:',
      `      - "${port}:80"`,
      'volumes:',
      '  made: {}',
      '',
    ].join('\n'),
    says: [
      new RegExp(`address 0\\.0\\.0\\.0:${port} is already in use`),
      /--> compose\.yaml:11:9$/m,
      new RegExp(`process ${process.pid} \\(`),
      /\^{10}/,
    ],
  },
  {
    name: 'a program that is not in the image',
    file: 'services:\n  web:\n    image: tscompose.local/host\n    command: [/no/such/program]\n',
    says: [/\/no\/such\/program/, /no such file or directory/],
  },
  {
    name: 'a bind source that does not exist',
    file: [
      'services:',
      '  web:',
      '    image: tscompose.local/host',
      '    volumes:',
      '      - type: bind',
      '        source: ./missing',
      '        target: /x',
      '        bind: { create_host_path: false }',
      '',
    ].join('\n'),
    says: [/missing/, /does not exist/],
  },
];

describe.skipIf(!isAble)('bad input', () => {
  let engine: TestEngine;
  let before: Audit;
  const holder = createServer();

  beforeAll(async () => {
    await new Promise<void>((resolve) => holder.listen(port, '0.0.0.0', resolve));
    engine = await TestEngine.create();
    await engine.start();
    before = await takeAudit(engine.scope);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await new Promise((resolve) => holder.close(resolve));
  });

  test.each(cases)('$name gets one clear error and leaves nothing', async ({ file, says }) => {
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    const result = await engine.cli(['up', '-d']);
    expect(result.code).not.toBe(0);
    for (const pattern of says) expect(result.stderr).toMatch(pattern);
    expect(result.stderr, 'never a stack trace').not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
    expect(await engine.client.containers.list({ all: true })).toEqual([]);
    expect(await engine.client.volumes.list()).toEqual([]);
    await expectNoLeaks(before, engine.scope);
  });

  test('no permission gets one clear error', async () => {
    const { stderr, code } = await command(
      'setpriv',
      [
        ...['--reuid', '65534', '--regid', '65534', '--clear-groups', '--'],
        ...[process.execPath, cliPath, '-p', 'x', 'ps'],
      ],
      { env: { ...engine.env, HOME: '/nonexistent' }, cwd: '/' },
    );
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/permission|root/i);
    expect(stderr).toMatch(/^hint: /m);
    expect(stderr, 'never a stack trace').not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  });
});
