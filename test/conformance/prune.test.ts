/** What the real `docker` command removes with prune, and what it says of disk usage. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { dockerCli, type DockerCli } from '../lib/docker-cli.ts';
import { TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'docker', 'busybox');

describe.skipIf(absent.length > 0)(`prune (missing: ${absent.join() || 'nothing'})`, () => {
  let engine: TestEngine;
  let docker: DockerCli;
  let before: Audit;
  let archive: Buffer;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await engine.start();
    docker = dockerCli({
      address: `unix://${engine.socket}`,
      configDirectory: join(engine.root, 'docker'),
    });
    archive = execFileSync('tar', ['-C', '/', '-c', 'bin/busybox'], { maxBuffer: 64 << 20 });
    await importImage('app');
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await expectNoLeaks(before, engine.scope);
  });
  beforeEach(async () => {
    const left = (await docker.ok('ps', '-aq')).split('\n').filter((id) => id !== '');
    if (left.length > 0) await docker.ok('rm', '-f', '-v', ...left);
    await docker.ok('volume', 'prune', '-af');
    await docker.ok('network', 'prune', '-f');
  });

  async function importImage(...names: readonly string[]): Promise<void> {
    const change = ['--change', 'ENTRYPOINT ["/bin/busybox"]'];
    const { code, stderr } = await docker.runWithInput(
      archive,
      ...['import', ...change, '-', ...names],
    );
    expect([code, stderr]).toEqual([0, '']);
  }

  async function exited(...options: readonly string[]): Promise<string> {
    const id = await docker.ok('create', ...options, 'app', 'sh', '-c', 'head -c 1m /dev/zero >/f');
    await docker.ok('start', id);
    await docker.ok('wait', id);
    return id;
  }

  test('stopped containers must go, running ones stay, and labels choose', async () => {
    const running = await docker.ok('create', 'app', 'sleep', '1000');
    await docker.ok('start', running);
    const kept = await exited('--label', 'keep=yes');
    const gone = await exited();
    const text = await docker.ok('container', 'prune', '-f', '--filter', 'label!=keep');
    expect(text).toContain(gone);
    expect(text).toMatch(/Total reclaimed space: 1\.\d+MB/);
    const left = (await docker.ok('ps', '-aq', '--no-trunc')).split('\n');
    expect(left.sort()).toEqual([running, kept].sort());
    expect(await docker.ok('container', 'prune', '-f', '--filter', 'until=1h')).toContain('0B');
    expect(await docker.ok('container', 'prune', '-f', '--filter', 'label=keep=yes')).toContain(
      kept,
    );
  });

  test('anonymous volumes must go, named ones only when all are meant, used ones never', async () => {
    await docker.ok('volume', 'create', 'named');
    await docker.ok('create', '--name', 'user', '-v', 'used:/data', '-v', '/more', 'app', 'true');
    const anonymous = await docker.ok('volume', 'create');
    expect(await docker.ok('volume', 'prune', '-f')).toContain(anonymous);
    expect((await docker.ok('volume', 'ls', '-q')).split('\n')).toHaveLength(3);
    expect(await docker.ok('volume', 'prune', '-af')).toContain('named');
    const left = (await docker.ok('volume', 'ls', '-q')).split('\n');
    expect([left.length, left.includes('used')]).toEqual([2, true]);
  });

  test('networks that nobody is on, or will be, must go', async () => {
    await docker.ok('network', 'create', 'free');
    await docker.ok('network', 'create', 'wanted');
    await docker.ok('create', '--network', 'wanted', 'app', 'true');
    expect(await docker.ok('network', 'prune', '-f')).toBe('Deleted Networks:\nfree\n');
    expect((await docker.ok('network', 'ls', '--format', '{{.Name}}')).split('\n').sort()).toEqual([
      'bridge',
      'host',
      'none',
      'wanted',
    ]);
  });

  test('images without a name must go, all unused ones only when asked', async () => {
    await importImage();
    await importImage('other');
    await docker.ok('create', 'app', 'true');
    expect(await docker.ok('image', 'prune', '-f')).toMatch(/deleted: sha256:/);
    expect(await docker.ok('image', 'ls', '--format', '{{.Repository}}')).toContain('other');
    expect(await docker.ok('image', 'prune', '-af')).toContain('untagged: other:latest');
    const left = await docker.ok('image', 'ls', '--format', '{{.Repository}}');
    expect(left.split('\n').sort()).toEqual(['app', 'tscompose.local/host']);
  });

  test('system df must count what there is', async () => {
    const id = await exited('-v', 'data:/data');
    const size = await docker.ok('ps', '-a', '--size', '--format', '{{.Size}}');
    expect(size).toMatch(/^1\.\d+MB \(virtual [\d.]+MB\)$/);
    const rows = (
      await docker.ok('system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}}')
    ).split('\n');
    expect(rows).toEqual([
      expect.stringMatching(/^Images 2 1 [\d.]+[kM]B$/),
      expect.stringMatching(/^Containers 1 0 1\.\d+MB$/),
      expect.stringMatching(/^Local Volumes 1 1 [\d.]+k?B$/),
      'Build Cache 0 0 0B',
    ]);
    expect(await docker.ok('system', 'df', '-v')).toContain(id.slice(0, 12));
  });
});
