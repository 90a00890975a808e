/** What a container sees of the host's files, and what outlives it. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scenario, Stage } from '../../lib/stage.ts';

export const storageScenarios: readonly Scenario[] = [
  { name: 'a named volume outlives down, not down -v', project: 'kept', play: kept },
  { name: 'binds, temporary and anonymous ones', project: 'mounts', play: mounts },
  { name: 'a read-only root', project: 'read-only', play: readOnly },
];

const tryWriting = (path: string): string =>
  `(echo x > ${path}) 2>/dev/null && echo written || echo refused`;

async function kept(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  await stage.inside('writer', 'echo kept > /data/file');
  expect(await stage.inside('reader', 'cat /data/file')).toBe('kept');
  expect(await stage.inside('reader', tryWriting('/data/other'))).toBe('refused');
  const { Labels } = await stage.engine.client.volumes.inspect('kept_data');
  expect(Labels).toMatchObject({ purpose: 'keeping', 'com.docker.compose.volume': 'data' });

  await stage.compose('down');
  await stage.compose('up', '-d');
  expect(await stage.inside('reader', 'cat /data/file')).toBe('kept');
  await stage.compose('down', '-v');
  await stage.compose('up', '-d');
  expect(await stage.inside('reader', 'ls /data')).toBe('');
}

async function mounts(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  expect(await stage.inside('app', 'cat /given/file /single')).toBe('from the host\nfrom the host');
  expect(await stage.inside('app', tryWriting('/given/other'))).toBe('refused');
  expect(await stage.inside('app', tryWriting('/single'))).toBe('refused');
  await stage.inside('app', 'echo back > /made/file');
  expect((await stat(join(stage.directory, 'made/by/engine/file'))).size).toBe(5);
  expect(await stage.inside('app', 'stat -c "%a %u" /scratch /short /plain')).toBe(
    '1770 0\n700 33\n1777 0',
  );
  expect(await stage.inside('app', 'df -k --output=size /scratch /short | tail -2')).toMatch(
    /^ *1024\n +64$/,
  );
  await stage.inside('app', 'echo x > /anonymous/file');
  const named = (await stage.engine.client.volumes.list()).map(({ Name }) => Name);
  expect(named).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);

  await stage.compose('up', '-d', '--force-recreate');
  expect(await stage.inside('app', 'ls /anonymous')).toBe('file');
  await stage.compose('up', '-d', '--force-recreate', '-V');
  expect(await stage.inside('app', 'ls /anonymous')).toBe('');
}

async function readOnly(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const results = await stage.inside(
    'app',
    ['/file', '/etc/file', '/run/file', '/data/file', '/dev/shm/file'].map(tryWriting).join('; '),
  );
  expect(results.split('\n')).toEqual(['refused', 'refused', 'written', 'written', 'written']);
}
