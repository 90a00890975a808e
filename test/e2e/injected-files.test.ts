/** Secrets and configs whose content is in the compose file or in the environment. */
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { command, TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;

const file = `
name: sec
services:
  a:
    image: tscompose.local/host
    command: [sh, -c, 'stat -c "%a %u %g" /run/secrets/token /run/secrets/mine /etc/text /run/secrets/key; cat /run/secrets/token /etc/text; cmp /run/secrets/key /etc/key && cmp -n 4 /run/secrets/key /etc/magic']
    secrets: [token, {source: token, target: mine, uid: "7", gid: "8", mode: 0400}, {source: key, gid: "9", mode: 0440}]
    configs: [{source: text, target: /etc/text}, {source: key, target: /etc/key}, {source: magic, target: /etc/magic}]
secrets: {token: {environment: TOKEN}, key: {file: ./key}}
configs: {key: {file: ./key}, magic: {file: ./magic}, text: {content: "port=\${PORT}\\n"}}
`;

describe.skipIf(!isAble)('injected files', () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    // No text: what is written must be the bytes of the file.
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => 255 - index);
    await writeFile(join(engine.root, 'project', 'key'), bytes);
    await writeFile(join(engine.root, 'project', 'magic'), bytes.subarray(0, 4));
  });

  afterAll(async () => {
    try {
      await engine.cli(['down'], { env: { TOKEN: '', PORT: '' } });
      await engine.stop();
      await expectNoLeaks(before, { ...engine.scope, directories: [] });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  });

  const seen = '444 0 0\n400 7 8\n444 0 0\n440 0 9\n';

  test('must be there at the start, with owner and mode, and follow their source', async () => {
    const up = async (TOKEN: string): Promise<string> => {
      const result = await engine.cli(['up', '--no-log-prefix'], { env: { TOKEN, PORT: '80' } });
      expect(result.code, result.stderr).toBe(0);
      return result.stdout.replace('a-1 exited with code 0\n', '');
    };
    expect(await up('one\n')).toBe(`${seen}one\nport=80\n`);
    expect(await up('two\n')).toBe(`${seen}two\nport=80\n`);
  });

  test('must be there for run', async () => {
    const env = { TOKEN: 'three\n', PORT: '81' };
    const result = await engine.cli(['run', '--rm', 'a'], { env });
    expect(result.stdout, result.stderr).toBe(`${seen}three\nport=81\n`);
  });

  test('must be refused without their source', async () => {
    const result = await engine.cli(['up', '-d'], { env: { PORT: '80' } });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      'environment variable "TOKEN" required by secret "sec_token" is not set',
    );
  });
});

/** Nothing but this test has it. */
const canary = 'canary-5b1f0c7d9e';

const whole = `
name: whole
services:
  a:
    image: tscompose.local/host
    user: "1000:1001"
    read_only: true
    command: [sleep, infinity]
    stop_signal: KILL
    secrets:
      - token
      - {source: token, target: deep/mine, uid: "1000", gid: "1001", mode: 0400}
      - {source: token, target: /etc/roots, mode: 0400}
      - {source: file, target: copied, uid: "1000", mode: 0440}
      - file
    configs:
      - {source: text, target: /etc/whole/text.conf, mode: 0644}
      - {source: script, target: /script, mode: 0755}
      - {source: file, target: /etc/whole/file, gid: "1001"}
secrets: {token: {environment: TOKEN}, file: {file: ./secret.txt}}
configs:
  text: {content: "port=80\\n"}
  script: {content: "#!/bin/sh\\necho it runs\\n"}
  file: {file: ./secret.txt}
`;

/** Linux 6.4. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const hasNoswap = major > 6 || (major === 6 && minor >= 4);

const places = [
  '/run/secrets/token',
  '/run/secrets/deep/mine',
  '/etc/roots',
  '/run/secrets/copied',
  '/run/secrets/file',
  '/etc/whole/text.conf',
  '/script',
  '/etc/whole/file',
];

describe.skipIf(!isAble)('secrets and configs as files', { timeout: 120_000 }, () => {
  let engine: TestEngine;
  let before: Audit;
  const env = { TOKEN: `${canary}\n` };

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await writeFile(join(engine.root, 'project', 'compose.yaml'), whole);
    const secret = join(engine.root, 'project', 'secret.txt');
    await writeFile(secret, 'of a file\n');
    await chmod(secret, 0o604);
  });

  afterAll(async () => {
    try {
      await engine.cli(['down'], { env });
      await engine.stop();
      await expectNoLeaks(before, { ...engine.scope, directories: [] });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  });

  async function must(...args: readonly string[]): Promise<string> {
    const result = await engine.cli(args, { env });
    expect(result.code, `${args.join(' ')}: ${result.stdout}${result.stderr}`).toBe(0);
    return result.stdout;
  }

  const inside = (script: string): Promise<string> => must('exec', '-T', 'a', 'sh', '-c', script);
  const seen = (): Promise<string> => inside(`stat -c '%a %u:%g %s %F' ${places.join(' ')}`);

  const expected = [
    ['444 0:0', 18],
    ['400 1000:1001', 18],
    ['400 0:0', 18],
    ['440 1000:0', 10],
    ['604 0:0', 10],
    ['644 0:0', 8],
    ['755 0:0', 23],
    ['444 0:1001', 10],
  ]
    .map((line) => `${line.join(' ')} regular file\n`)
    .join('');

  async function expectAll(): Promise<void> {
    expect(await seen()).toBe(expected);
    expect(await inside('cat /run/secrets/token /run/secrets/deep/mine /etc/whole/text.conf')).toBe(
      `${canary}\n${canary}\nport=80\n`,
    );
    expect(await inside('cat /run/secrets/copied /etc/whole/file; /script')).toBe(
      'of a file\nof a file\nit runs\n',
    );
  }

  test('must be copied out before the first start, too', async () => {
    await must('up', '--no-start');
    const to = join(engine.root, 'copied');
    await must('cp', 'a:/run/secrets/token', to);
    expect(await readFile(to, 'utf8')).toBe(env.TOKEN);
    await rm(to);
  });

  test('must have their owner and mode below a read-only root', async () => {
    await must('up', '-d');
    await expectAll();
    expect(await inside('cat /etc/roots || true')).toBe('');
  });

  test('must be on file systems of the container that are for reading only', async () => {
    const mounts = await inside(
      'grep -E " (/run/secrets|/etc/roots|/script) " /proc/self/mountinfo',
    );
    const options = mounts
      .trim()
      .split('\n')
      .map((line) => {
        const [own = '', system = ''] = line.split(' - ');
        return [...own.split(' ').slice(4, 6), system.split(' ')[0]].join(' ');
      });
    expect(options.sort()).toEqual([
      '/etc/roots ro,nosuid,nodev,relatime tmpfs',
      '/run/secrets ro,nosuid,nodev,noexec,relatime tmpfs',
      '/script ro,nosuid,nodev,relatime tmpfs',
    ]);
    const asRoot = ['exec', '-T', '-u', '0', 'a', 'sh', '-c'] as const;
    const written =
      'for p in /run/secrets/new /run/secrets/token /script; do echo x >$p; done 2>&1';
    const result = await engine.cli([...asRoot, written], { env });
    expect(result.stdout.match(/Read-only file system/g)).toHaveLength(3);
  });

  test('must not be on a disk, nor in what the engine says', async () => {
    const grep = await command('grep', ['-r', '-l', canary, engine.stateRoot, engine.runRoot]);
    const files = join(engine.runRoot, 'files');
    expect(
      grep.stdout
        .trim()
        .split('\n')
        .filter((path) => !path.startsWith(files)),
    ).toEqual([]);
    expect(grep.stdout).toContain(files);
    expect((await command('stat', ['-f', '-c', '%T', files])).stdout).toBe('tmpfs\n');
    expect((await command('stat', ['-c', '%a %u', files])).stdout).toBe('700 0\n');
    const { stdout } = await command('findmnt', ['-n', '-o', 'OPTIONS', files]);
    expect(stdout.includes('noswap')).toBe(hasNoswap);
    const { Id } = await only();
    const told = JSON.stringify(await engine.client.containers.inspect(Id));
    expect(told + (await readFile(join(engine.runRoot, 'engine.log'), 'utf8'))).not.toContain(
      canary,
    );
  });

  async function only(): Promise<{ readonly Id: string }> {
    const [found, ...others] = await engine.client.containers.list({ all: true });
    if (found === undefined || others.length > 0) throw new Error('not one container');
    return found;
  }

  test('must be there after every kind of restart', async () => {
    await must('restart');
    await expectAll();
    await engine.kill();
    await expectAll();
    await must('stop');
    await engine.kill();
    await must('start');
    await expectAll();
  });

  test('must follow the file of the host at a restart', async () => {
    const secret = join(engine.root, 'project', 'secret.txt');
    await writeFile(secret, 'of a foil\n');
    await must('restart');
    expect(await inside('cat /run/secrets/copied')).toBe('of a foil\n');
    await writeFile(secret, 'of a file\n');
    await must('restart');
  });

  test('must be copied out as they are, and not be replaced', async () => {
    const check = async (): Promise<void> => {
      const to = join(engine.root, 'copied');
      for (const place of ['/run/secrets/deep/mine', '/etc/whole/text.conf']) {
        await must('cp', '-a', `a:${place}`, to);
        const content = await readFile(to, 'utf8');
        expect(content).toBe(place.includes('mine') ? env.TOKEN : 'port=80\n');
        await rm(to);
      }
      await writeFile(to, 'of somebody else\n');
      const result = await engine.cli(['cp', to, 'a:/run/secrets/token'], { env });
      expect(result.code).not.toBe(0);
      expect(result.stderr).toContain('read-only');
      await rm(to);
    };
    await check();
    await must('stop');
    await check();
    await must('start');
    await expectAll();
  });

  test('must be asked for when the machine has restarted, and taken from up', async () => {
    await must('stop');
    await engine.kill();
    // What a restart does to a file system in memory.
    await command('umount', [join(engine.runRoot, 'files')]);
    await engine.start();
    const { Id } = await only();
    await expect(engine.client.containers.start(Id)).rejects.toThrow(
      'the content of /run/secrets/token and 2 more was in memory only and is gone since the machine restarted',
    );
    const before = (await only()).Id;
    await must('up', '-d');
    expect((await only()).Id).toBe(before);
    await expectAll();
  });

  test('must recreate the container when their content changes', async () => {
    const { Id } = await only();
    const result = await engine.cli(['up', '-d'], { env: { TOKEN: 'other\n' } });
    expect(result.code, result.stderr).toBe(0);
    expect((await only()).Id).not.toBe(Id);
    expect(await inside('cat /run/secrets/token')).toBe('other\n');
    expect(await readdir(join(engine.runRoot, 'files'))).toEqual([(await only()).Id]);
  });

  test('must leave nothing', async () => {
    await must('down');
    const files = join(engine.runRoot, 'files');
    expect((await command('findmnt', ['-n', files])).stdout).toBe('');
    expect(await readdir(files)).toEqual([]);
  });

  for (const runtime of ['crun', 'runc'] as const) {
    const absent = missing(runtime);
    test.skipIf(absent.length > 0)(
      `must be the same with ${runtime} (missing: ${absent.join() || 'nothing'})`,
      async () => {
        const path = join(engine.root, 'project', `${runtime}.yaml`);
        const text = whole.replace('name: whole', `name: ${runtime}`);
        await writeFile(path, text.replace('read_only: true', `runtime: ${runtime}`));
        await must('-f', path, 'up', '-d');
        const exec = (script: string): Promise<string> =>
          must('-f', path, 'exec', '-T', 'a', 'sh', '-c', script);
        expect(await exec(`stat -c '%a %u:%g %s %F' ${places.join(' ')}`)).toBe(expected);
        expect(await exec('cat /run/secrets/token /etc/whole/text.conf')).toBe(
          `${canary}\nport=80\n`,
        );
        await must('-f', path, 'down');
      },
    );
  }
});
