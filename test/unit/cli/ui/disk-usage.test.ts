import { describe, expect, test } from 'vitest';
import { renderUsage, renderUsageInFull } from '../../../../cli/ui/disk-usage.ts';
import type { ContainerSummary, DiskUsage, ImageSummary } from '../../../../engine/api/index.ts';

function image(id: string, rest: Partial<ImageSummary>): ImageSummary {
  return {
    Id: `sha256:${id.repeat(64)}`,
    ParentId: '',
    RepoTags: [],
    RepoDigests: [],
    Created: Math.floor(Date.now() / 1000) - 7200,
    Size: 100_000_000,
    SharedSize: 60_000_000,
    Containers: 0,
    Labels: {},
    ...rest,
  };
}

function container(name: string, rest: Partial<ContainerSummary>): ContainerSummary {
  return {
    Id: name.repeat(64),
    Names: [`/${name}`],
    Image: 'app',
    ImageID: 'sha256:1',
    Command: 'sleep 1',
    Created: Math.floor(Date.now() / 1000) - 120,
    Ports: [],
    Labels: {},
    State: 'running',
    Status: 'Up 2 minutes',
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: {} },
    Mounts: [],
    ...rest,
  };
}

function volume(
  name: string,
  Size: number,
  RefCount: number,
): NonNullable<DiskUsage['Volumes']>[0] {
  return {
    Name: name,
    Driver: 'local',
    Mountpoint: `/v/${name}`,
    CreatedAt: '',
    Labels: null,
    Options: null,
    Scope: 'local',
    UsageData: { Size, RefCount },
  };
}

const usage: DiskUsage = {
  LayersSize: 140_000_000,
  Images: [image('a', { RepoTags: ['app:1', 'app:latest'], Containers: 1 }), image('b', {})],
  Containers: [
    container('c', { SizeRw: 1000, SizeRootFs: 5000 }),
    container('d', { SizeRw: 3000, State: 'exited', Status: 'Exited (0) 1 minute ago' }),
  ],
  Volumes: [volume('v', 2500, 1), volume('w', 7500, 0), volume('x', -1, 0)],
  BuildCache: [
    {
      ID: 'k'.repeat(25),
      Type: 'regular',
      Description: '',
      InUse: false,
      Shared: false,
      Size: 1_000_000,
      CreatedAt: new Date(Date.now() - 60_000).toISOString(),
      LastUsedAt: null,
      UsageCount: 2,
    },
  ],
};

describe('what is taken on disk', () => {
  test('must be counted as docker counts it', () => {
    expect(renderUsage(usage, undefined)).toBe(
      [
        'TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE',
        'Images          2         1         140MB     100MB (71%)',
        'Containers      2         1         4kB       3kB (75%)',
        'Local Volumes   3         1         10kB      7.5kB (75%)',
        'Build Cache     1         0         1MB       1MB',
        '',
      ].join('\n'),
    );
    expect(renderUsage(usage, '{{.Type}}={{.Active}}')).toBe(
      'Images=1\nContainers=1\nLocal Volumes=1\nBuild Cache=0\n',
    );
  });

  test('must be shown for each thing, images under each of their names', () => {
    const lines = renderUsageInFull(usage).split('\n');
    expect(lines.map((line) => line.replaceAll(/ {2,}/gu, ' | '))).toEqual([
      'Images space usage:',
      '',
      'REPOSITORY | TAG | IMAGE ID | CREATED | SIZE | SHARED SIZE | UNIQUE SIZE | CONTAINERS',
      'app | 1 | aaaaaaaaaaaa | 2 hours ago | 100MB | 60MB | 40MB | 1',
      'app | latest | aaaaaaaaaaaa | 2 hours ago | 100MB | 60MB | 40MB | 1',
      '<none> | <none> | bbbbbbbbbbbb | 2 hours ago | 100MB | 60MB | 40MB | 0',
      '',
      'Containers space usage:',
      '',
      'CONTAINER ID | IMAGE | COMMAND | LOCAL VOLUMES | SIZE | CREATED | STATUS | NAMES',
      'cccccccccccc | app | "sleep 1" | 0 | 1kB | 2 minutes ago | Up 2 minutes | c',
      'dddddddddddd | app | "sleep 1" | 0 | 3kB | 2 minutes ago | Exited (0) 1 minute ago | d',
      '',
      'Local Volumes space usage:',
      '',
      'VOLUME NAME | LINKS | SIZE',
      'v | 1 | 2.5kB',
      'w | 0 | 7.5kB',
      'x | 0 | N/A',
      '',
      'Build cache usage: 1MB',
      '',
      'CACHE ID | CACHE TYPE | SIZE | CREATED | LAST USED | USAGE | SHARED',
      'kkkkkkkkkkkk | regular | 1MB | About a minute ago | 2 | false',
      '',
    ]);
    const whole = JSON.parse(renderUsageInFull(usage, 'json')) as Record<string, object[]>;
    expect(whole['Volumes']?.map((row) => 'Size' in row && row.Size)).toEqual([
      '2.5kB',
      '7.5kB',
      'N/A',
    ]);
    expect(renderUsageInFull(usage, '{{range .Containers}}{{.Names}} {{end}}')).toBe('c d \n');
  });
});
