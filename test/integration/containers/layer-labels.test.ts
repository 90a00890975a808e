import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { labelLayers } from '../../../engine/containers/selinux.ts';
import { closeFd, getXattrsAt, openRoot } from '../../../native/index.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';

const layers = 'system_u:object_r:container_ro_file_t:s0';
const active = {
  hasSelinux: true,
  containerLabels: { process: 'u:r:p:s0', mount: 'u:o:f:s0', layers },
};
const absent = { hasSelinux: false, containerLabels: null };

// The kernel of this machine keeps what SELinux would ask of it.
describe.skipIf(missing('root').length > 0)('layers', () => {
  test('that are unpacked while the machine runs without SELinux must be labelled when it has it again', async () => {
    await using dir = await tempDir();
    const [snapshots, temporary] = [join(dir.path, 'snapshots'), join(dir.path, 'tmp')];
    for (const path of [snapshots, temporary]) mkdirSync(join(path, 'layers'), { recursive: true });
    await labelLayers({ snapshots, temporary }, active);
    await labelLayers({ snapshots, temporary }, absent);
    writeFileSync(join(snapshots, 'layers/new'), 'x');
    expect(labelAt(snapshots, 'layers/new')).toBe(undefined);
    await labelLayers({ snapshots, temporary }, active);
    for (const path of ['', 'layers', 'layers/new']) expect(labelAt(snapshots, path)).toBe(layers);
  });

  test('must not be walked at every start', async () => {
    await using dir = await tempDir();
    const where = { snapshots: join(dir.path, 'snapshots'), temporary: join(dir.path, 'tmp') };
    for (const path of Object.values(where)) mkdirSync(path);
    await labelLayers(where, active);
    writeFileSync(join(where.snapshots, 'new'), 'x');
    await labelLayers(where, active);
    expect(labelAt(where.snapshots, 'new')).toBe(undefined);
  });

  test('must get no label of a machine that never had SELinux', async () => {
    await using dir = await tempDir();
    await labelLayers({ snapshots: dir.path, temporary: dir.path }, absent);
    expect(labelAt(dir.path, '')).toBe(undefined);
  });
});

function labelAt(path: string, name: string): string | undefined {
  const top = openRoot(path);
  try {
    const value = getXattrsAt(top, name).get('security.selinux');
    return value === undefined ? undefined : Buffer.from(value).toString();
  } finally {
    closeFd(top);
  }
}
